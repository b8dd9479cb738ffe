"""Merge fine-tuned models, see their geometry, and take tasks out again exactly."""

__version__ = "0.1.0"
