"""One tensor from close by: singular values before and after, and how its entries are spread."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.geometry.spectra import Reduction, triplets

MOST_VALUES, BINS = 48, 41
_TAIL = 0.001  # share of the entries on either side that the outer bins take up


@dataclass(frozen=True)
class TensorLook:
    """What a tensor's deltas and components are made of.

    Attributes:
        name: of the tensor.
        shape: of the tensor.
        tasks: the n names.
        before: per task the leading singular values of its delta, falling; empty for no matrix.
        after: the same of the components.
        edges: ``(BINS + 1,)`` of the bins of entries; what lies outside counts in the outer ones.
        counts: ``(n, BINS)`` share of the entries of each delta by bin.
        counts_after: the same of the components.
    """

    name: str
    shape: tuple[int, ...]
    tasks: tuple[str, ...]
    before: tuple[tuple[float, ...], ...]
    after: tuple[tuple[float, ...], ...]
    edges: tuple[float, ...]
    counts: tuple[tuple[float, ...], ...]
    counts_after: tuple[tuple[float, ...], ...]


def tensor_look(
    name: str, shape: tuple[int, ...], tasks: tuple[str, ...], before: Tensor, after: Tensor
) -> TensorLook:
    """Look at one tensor.

    Args:
        name: of the tensor.
        shape: of the tensor; convolutions count as ``(out, rest)``.
        tasks: the n names.
        before: ``(n, numel)`` deltas.
        after: ``(n, numel)`` components.
    """
    both = torch.cat([before, after])
    changed = both[both != 0].abs()
    place = max(0, min(len(changed) - 1, int((1 - _TAIL) * len(changed))))
    widest = float(changed.kthvalue(place + 1).values) if len(changed) else 0.0
    edges = torch.linspace(-(widest or 1.0), widest or 1.0, BINS + 1, dtype=torch.float64)
    return TensorLook(
        name, shape, tasks, _values(before, shape), _values(after, shape), tuple(edges.tolist()),
        _shares(before, edges), _shares(after, edges),
    )  # fmt: skip


def _values(deltas: Tensor, shape: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    if len(shape) < 2 or 0 in shape:
        return ((),) * len(deltas)
    found = []
    for delta in deltas:
        s = triplets(delta.view(shape[0], -1).double(), Reduction(rank=MOST_VALUES)).s
        found.append(tuple(s.tolist()))
    return tuple(found)


def _shares(deltas: Tensor, edges: Tensor) -> tuple[tuple[float, ...], ...]:
    within = edges[1:-1].contiguous()
    rows = []
    for delta in deltas:
        counts = torch.bincount(torch.bucketize(delta.double(), within), minlength=BINS)
        rows.append(tuple((counts.double() / max(delta.numel(), 1)).tolist()))
    return tuple(rows)
