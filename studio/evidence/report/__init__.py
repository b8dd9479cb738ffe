"""The printable report of an unmerge."""
