"""Coefficients that are found: what may move, what is asked of it, and who looks for it."""
