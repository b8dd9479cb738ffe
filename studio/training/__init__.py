"""Experts made here: a base is fine-tuned on labelled rows, beside a head on the untouched base."""
