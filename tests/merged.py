"""A whole merge in memory, for tests that look at its numbers."""

import torch
from torch import Tensor

from studio.merge import Merge, merged_into


def merged_tensors(merge: Merge) -> dict[str, Tensor]:
    """Every tensor that differs from the base's, merged and whole, by name."""
    entries = merge.base.weights.entries
    merged = {
        name: torch.empty(entries[name].shape, dtype=merge.output_dtype(name))
        for name in merge.changed
    }
    merged_into(merge, merged)
    return merged
