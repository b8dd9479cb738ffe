"""Files and folders: read safely, written whole, kept in a cache."""
