"""Adapter types whose delta is a formula of a few tensors, one file each."""

FORMULAS = ()
