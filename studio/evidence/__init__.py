"""Unmerging as evidence: what was removed, what that leaves, signed so that others can check it."""
