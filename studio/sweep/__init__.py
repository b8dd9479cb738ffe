"""Accuracy over one or two numbers of a recipe."""
