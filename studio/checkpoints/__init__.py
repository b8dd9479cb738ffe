"""Folders of weights: read safely, matched to their base, subtracted, written atomically."""
