"""Tests of the making of a zoo of one's own."""
