"""A whole merge in memory, for tests that look at its numbers."""

import torch
from torch import Tensor

from studio.checkpoints.deltas import TensorDeltas
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


def source_of(merge: Merge, name: str) -> object:
    """What the one task of a merge changes a tensor by, as it is read."""
    tensor = merge.deltas.at(name)
    assert isinstance(tensor, TensorDeltas)
    (source,) = tensor.sources
    return source
