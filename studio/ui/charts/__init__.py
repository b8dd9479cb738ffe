"""Figures: SVG drawn here, and plotly."""
