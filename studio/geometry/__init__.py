"""What deltas look like: Gram blocks, orthogonalization, maps."""
