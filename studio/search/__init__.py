"""Search for coefficients: what is free, what is minimized, and by which optimizer."""
