"""Inner products that were taken before, recalled by the digests of what they were taken of."""

import platform
from collections.abc import Callable

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from studio.checkpoints.deltas import Deltas
from studio.disk.cache import cache_key, keep, recall
from studio.geometry.gram import Gram

_FORMAT = 1  # of the numbers' meaning; another one recalls nothing that is older


def recalled_gram(deltas: Deltas, about: object = "deltas") -> Gram | None:
    """The Gram of these deltas, if it was taken before by this torch on this kind of machine.

    Args:
        deltas: known by the digests of base and checkpoints.
        about: what was multiplied, in plain values: the deltas themselves, or a method's
            components.
    """
    content = recall(_key(deltas, about))
    if content is None:
        return None
    try:
        blocks = load(content)["blocks"]
    except (SafetensorError, KeyError):  # damaged, and as good as none
        return None
    n = len(deltas.tasks)
    fits = blocks.dtype == torch.float64 and blocks.shape == (len(deltas.names), n, n)
    return Gram(deltas.tasks, deltas.names, blocks) if fits else None


def kept_gram(deltas: Deltas, make: Callable[[], Gram], about: object = "deltas") -> Gram:
    """The Gram recalled, or else made and kept for another time."""
    known = recalled_gram(deltas, about)
    if known is not None:
        return known
    made = make()
    keep(_key(deltas, about), save({"blocks": made.blocks.contiguous()}))
    return made


def _key(deltas: Deltas, about: object) -> str:
    machine = platform.machine(), torch.backends.cpu.get_cpu_capability(), str(torch.__version__)
    made_of = deltas.base.known_digest, [*deltas.digests], str(deltas.dtype)
    return cache_key("gram", _FORMAT, machine, *made_of, about)
