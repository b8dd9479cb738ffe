"""Low-rank components per matrix: truncated deltas, and subspaces orthogonal to one another."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.checkpoints.deltas import TensorDeltas
from studio.checkpoints.low_rank import Product
from studio.checkpoints.vectors import DerivedVectors, Room, Vectors
from studio.geometry.spectra import Reduction, Triplets, polar, triplets

_EMBEDDING = re.compile(r"(^|[._])(\w*embed\w*|wte|wpe|shared|relative_attention_bias)([._]|$)")


def is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor maps one space to another: no vector, no embedding table, not empty."""
    return len(shape) >= 2 and 0 not in shape and not _EMBEDDING.search(name)


def reduced(tensor: Vectors, reduction: Reduction, dtype: torch.dtype) -> Vectors:
    """Each delta of a matrix as its leading singular triplets (MDM-OC, Eqs. 9 and 13)."""
    if not is_matrix(tensor.name, tensor.shape):
        return tensor
    triplets = _all_triplets(tensor, reduction, dtype)
    return _products(tensor, [t and (t.u * t.s, t.v) for t in triplets], dtype)


def subspaces(
    tensor: Vectors, reduction: Reduction, order: str, strength: float, dtype: torch.dtype
) -> Vectors:
    """Components whose column and row spaces are orthogonal to those of the other tasks.

    Args:
        tensor: n deltas of a matrix ``(out, in)``; convolutions count as ``(out, rest)``.
        reduction: without a rank, floor(min(out, in) / n) directions per task are kept.
        order: 'arrival' projects each task's factors off the column and row spaces of the earlier
            ones' components; 'symmetric' replaces all singular bases by the nearest orthonormal
            ones, no task before another.
        strength: 0 leaves the reduced deltas, 1 makes them orthogonal, between them a blend.
        dtype: of the components.

    Returns:
        One component per task. Vectors and embedding tables take the mean rule: delta / n.

    Source: MDM-OC (arXiv 2507.20997), Eqs. 4, 5 and 13 per matrix; symmetric: TSV-M
    (arXiv 2412.00081), Sec. 4, the polar factor of the concatenated singular bases.
    """
    n = len(tensor.present)
    if not is_matrix(tensor.name, tensor.shape):
        return Share(tensor)
    rank = min(_matrix_shape(tensor)) // n if reduction.rank is None else reduction.rank
    triplets = _all_triplets(tensor, replace(reduction, rank=max(rank, 1)), dtype)
    present = [t for t in triplets if t is not None and len(t.s)]
    cleared = (_sequential if order == "arrival" else _symmetric)(present)
    made = iter(
        ((t.u + strength * (u - t.u)) * t.s, t.v + strength * (v - t.v))
        for t, (u, v) in zip(present, cleared, strict=True)
    )
    pairs = [next(made) if t is not None and len(t.s) else None for t in triplets]
    return _products(tensor, pairs, dtype)


@dataclass(frozen=True)
class Share(DerivedVectors):
    """The mean rule: every delta divided by the number of tasks."""

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        for vector in self.raw.vectors(start, stop, dtype, room, tasks):
            yield None if vector is None else vector / len(self.present)


def _all_triplets(
    tensor: Vectors, reduction: Reduction, dtype: torch.dtype
) -> list[Triplets | None]:
    found: list[Triplets | None] = []
    for task, (present, factors) in enumerate(zip(tensor.present, tensor.factors, strict=True)):
        if not present:
            found.append(None)
        elif factors is not None:
            found.append(triplets(factors, reduction))
        else:
            delta = tensor.delta(task, 0, tensor.numel, dtype)
            assert delta is not None
            found.append(triplets(delta.view(_matrix_shape(tensor)), reduction))
    return found


def _sequential(present: list[Triplets]) -> list[tuple[Tensor, Tensor]]:
    """Each task's singular bases, projected off those of the components before it."""
    cleared: list[tuple[Tensor, Tensor]] = []
    columns: list[Tensor] = []
    rows: list[Tensor] = []
    for t in present:
        u, v = _off(t.u, columns), _off(t.v, rows)
        cleared.append((u, v))
        columns.append(_range(u * t.s))
        rows.append(_range(v * t.s))
    return cleared


def _off(basis: Tensor, earlier: list[Tensor]) -> Tensor:
    """``basis`` without its part in the span of orthonormal ``earlier`` ones, in two passes."""
    for _ in range(2):
        for other in earlier:
            basis = basis - other @ (other.T @ basis)
    return basis


def _range(factor: Tensor) -> Tensor:
    """Orthonormal basis of the column space of ``(d, r)``."""
    u, s, _ = torch.linalg.svd(factor, full_matrices=False)
    return u[:, s > s[:1] * max(factor.shape) * torch.finfo(s.dtype).eps]


def _symmetric(present: list[Triplets]) -> list[tuple[Tensor, Tensor]]:
    sizes = [len(t.s) for t in present]
    if not sizes:
        return []
    u, v = (polar(torch.cat(x, 1)) for x in ([t.u for t in present], [t.v for t in present]))
    return list(zip(u.split(sizes, 1), v.split(sizes, 1), strict=True))


def _products(
    tensor: Vectors, pairs: list[tuple[Tensor, Tensor] | None], dtype: torch.dtype
) -> Vectors:
    sources = tuple(
        None if p is None else Product(p[0].to(dtype), p[1].T.contiguous().to(dtype)) for p in pairs
    )
    return TensorDeltas(tensor.name, _matrix_shape(tensor), tensor.base, sources)


def _matrix_shape(tensor: Vectors) -> tuple[int, int]:
    return tensor.shape[0], tensor.numel // tensor.shape[0]
