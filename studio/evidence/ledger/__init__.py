"""The log of exports and removals, its keys, and the copies it knows."""
