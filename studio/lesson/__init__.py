"""A lesson in one file: measured numbers of a zoo in a page that works without a studio."""
