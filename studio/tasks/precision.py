"""In which dtype a live model wears its weights: float32, or where it is too big the base's own."""

from collections import Counter

import torch

from studio.checkpoints.checkpoint import Checkpoint
from studio.device import free_on

_HALVES = (torch.float16, torch.bfloat16)
_SHARE = 0.7  # of what is free; the rest is for what passes through the model


def worn_dtype(base: Checkpoint, device: torch.device) -> torch.dtype:
    """float32; the base's own dtype where it has half as many bits and float32 would not fit.

    Args:
        base: most of whose numbers decide what its dtype is.
        device: of the model.
    """
    sizes: Counter[torch.dtype] = Counter()
    for entry in base.weights.entries.values():
        if entry.floating:
            sizes[entry.dtype] += entry.numel
    own = max(sizes, key=lambda dtype: sizes[dtype], default=torch.float32)
    if own not in _HALVES:
        return torch.float32
    fits = torch.float32.itemsize * sizes.total() <= _SHARE * free_on(device)
    return torch.float32 if fits else own
