"""What deltas look like: Gram blocks, orthogonalization, order, overlap, maps, a control."""
