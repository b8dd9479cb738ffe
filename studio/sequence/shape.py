"""What a merge of a sequence looks like: its distance to the base, and its newcomer's own part."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas
from studio.checkpoints.vectors import CHUNK, pieces
from studio.geometry.gram import gram
from studio.merge import Merge


@dataclass(frozen=True)
class Shape:
    """How M_t lies, before it is cast to the output dtype.

    Attributes:
        distance: ``||M_t - W0||`` over all tensors.
        growth: lambda(t), what the running sum is divided by: ``||S_t|| / mean_i ||delta_i||`` of
            OPCM; None of methods that keep no such sum.
        projected: share of the newcomer's squared norm that lies along what came before and is
            taken out; None of methods that take nothing out.
    """

    distance: float
    growth: float | None
    projected: float | None


def shape(merge: Merge, before: Merge | None) -> Shape:
    """The shape of a merge whose last task has just arrived.

    Args:
        merge: of t >= 1 tasks.
        before: of the first t - 1 of them; None if t = 1.
    """
    if not merge.method.has_components:
        return _of_one_change(merge, before)
    products = merge.gram if not merge.method.derives else gram(merge.vectors)
    length = float(torch.einsum("ti,tij,tj->", merge.mixing, products.blocks, merge.mixing))
    projected = 1.0 - _own_share(merge, products.blocks) if merge.method.projects else None
    return Shape(max(length, 0.0) ** 0.5, None, projected)


def _of_one_change(merge: Merge, before: Merge | None) -> Shape:
    factors = dict(zip(merge.vectors.names, merge.mixing[:, 0].tolist(), strict=True))
    distance = _squared(merge.vectors, factors=factors) ** 0.5
    if not merge.method.keeps_sum:
        return Shape(distance, None, None)
    taken_out = 0.0 if before is None else _taken_out(merge, before)
    factor = merge.method.factor(merge.given, merge.vectors)
    return Shape(distance, merge.method.growth(factor), taken_out)


def _own_share(merge: Merge, products: Tensor) -> float:
    """Share of the newcomer's squared norm that its component keeps."""
    if not merge.method.derives:
        return float(merge.basis.shares[-1])
    row = merge.basis.rows[:, -1].expand(len(products), -1)  # (T, n)
    kept = float(torch.einsum("ti,tij,tj->", row, products, row))
    whole = float(merge.gram.total()[-1, -1])
    return kept / whole if whole > 0 else 1.0


def _taken_out(merge: Merge, before: Merge) -> float:
    """1 - ||S_t - S_(t-1)||^2 / ||c_t delta_t||^2, the change being the running sum S."""
    squares = merge.gram.blocks[:, -1, -1] * merge.coefficients[:, -1] ** 2
    whole = float(squares.sum())
    grown = _squared(merge.vectors, before.vectors)
    return 1.0 - grown / whole if whole > 0 else 0.0


def _squared(
    one: AnyDeltas, less: AnyDeltas | None = None, factors: Mapping[str, float] | None = None
) -> float:
    """Squared norm of a single change, or of what is left when another is taken off; streamed.

    Args:
        one: the change.
        less: the other one.
        factors: by tensor, what the change is multiplied by; None for 1.
    """
    total = 0.0
    for name in sorted({*one.names, *(less.names if less else ())}):
        signed = [
            (sign, side.at(name))
            for sign, side in ((1.0, one), (-1.0, less))
            if side is not None and name in side.names
        ]
        for start, stop in pieces(signed[0][1].numel, CHUNK):
            difference = torch.zeros(stop - start, dtype=torch.float64)
            for sign, tensor in signed:
                value = tensor.delta(0, start, stop, one.dtype)
                if value is not None:
                    difference.add_(value, alpha=sign)
            total += float(torch.dot(difference, difference)) * (factors or {}).get(name, 1.0) ** 2
    return total
