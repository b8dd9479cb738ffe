"""Recipes of mergekit: read as the studio's own, and the studio's written for mergekit.

Source: mergekit 0.1.5, by its documented semantics; the results are held to what it computes.
"""
