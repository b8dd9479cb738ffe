"""Gram blocks: the inner products of n deltas in every tensor, from one streaming pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, not_finite
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.vectors import CHUNK, DerivedVectors, Room, Vectors, pieces
from studio.geometry import scopes
from studio.parallel import SMALL, in_order
from studio.progress import Progress, silent


@dataclass(frozen=True)
class Gram:
    """Inner products of n deltas, tensor by tensor.

    Attributes:
        tasks: the n names.
        names: the T tensors.
        blocks: ``(T, n, n)`` float64; block t holds <delta_i, delta_j> within tensor t.
    """

    tasks: tuple[str, ...]
    names: tuple[str, ...]
    blocks: Tensor

    def total(self) -> Tensor:
        """``(n, n)`` inner products over the whole model."""
        return self.blocks.sum(0)

    def grouped(self, scope: str) -> tuple[tuple[str, ...], Tensor]:
        """Labels and ``(groups, n, n)`` blocks summed over the tensors of each group."""
        labels, positions = scopes.index(scopes.labels(self.names, scope))
        summed = torch.zeros(len(labels), *self.blocks.shape[1:], dtype=torch.float64)
        return labels, summed.index_add_(0, torch.tensor(positions, dtype=torch.long), self.blocks)

    def cosine(self) -> Tensor:
        """``(n, n)`` cosines over the whole model."""
        return cosine(self.total())

    def combined(self, rows: Tensor) -> "Gram":
        """Products of the combinations ``sum_j rows[t, i, j] delta_j``, by algebra alone."""
        return Gram(self.tasks, self.names, rows @ self.blocks @ rows.mT)

    def subset(self, tasks: tuple[str, ...], names: tuple[str, ...]) -> "Gram":
        """The same products for some tasks and tensors: the bits that a new pass would give."""
        i = torch.tensor([self.tasks.index(task) for task in tasks], dtype=torch.long)
        places = {name: t for t, name in enumerate(self.names)}
        t = torch.tensor([places[name] for name in names], dtype=torch.long)
        return Gram(tasks, names, self.blocks[t][:, i][:, :, i])


class Grams(Protocol):
    """Computes or recalls the Gram of n vectors."""

    def __call__(self, rows: Tensor | None = None) -> Gram:
        """Their Gram; given rows ``(T, n, n)``, that of these combinations, by another pass."""
        ...


def cosine(gram: Tensor) -> Tensor:
    """``(..., n, n)`` cosines of inner products; a zero vector has cosine 0 with all others."""
    norms = gram.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    scale = norms.unsqueeze(-1) * norms.unsqueeze(-2)
    cosines = torch.where(scale > 0, gram / scale.where(scale > 0, 1.0), 0.0)
    size = gram.shape[-1]
    return cosines.where(~torch.eye(size, dtype=torch.bool), 1.0)


def gram(deltas: AnyDeltas, rows: Tensor | None = None, progress: Progress = silent) -> Gram:
    """Inner products of the deltas, or of combinations of them.

    Deltas are read in pieces of ``CHUNK`` elements, upcast to float64, multiplied by a
    single-threaded product and added in index order, so the number of threads changes no bit.
    Two LoRA deltas meet in their factors: <B1 A1, B2 A2> = sum((B1^T B2) * (A1 A2^T)). Each
    pair's product is computed alone, so that it does not depend on which other tasks there are.

    Args:
        deltas: n deltas over T tensors.
        rows: ``(T, n, n)`` or ``(1, n, n)``; if given, vector i of tensor t is
            ``sum_j rows[t, i, j] delta_j``, formed densely in float64 from the deltas that a
            merge adds, and these vectors' products are taken: a measurement, not algebra.
        progress: told the share of tensors done.

    Raises:
        NotFinite: naming the file and tensor that holds NaN or infinity.
    """

    def block(t: int) -> Tensor:
        tensor = deltas.at(deltas.names[t])
        return _block(tensor, None if rows is None else rows[t % len(rows)], deltas.dtype)

    names = deltas.names
    blocks = []
    for t, found in enumerate(in_order(block, range(len(names)), SMALL)):
        progress(t / len(names), f"inner products of {names[t]}")
        if not bool(found.isfinite().all()):
            raise not_finite(deltas, names[t])
        blocks.append(found)
    stacked = torch.stack(blocks) if blocks else torch.zeros(0, len(deltas), len(deltas)).double()
    return Gram(deltas.tasks, names, stacked)


@dataclass(frozen=True)
class Beside(DerivedVectors):
    """The deltas of a tensor followed by the vectors derived from them; the two meet densely.

    Attributes:
        raw: the deltas.
        derived: as many vectors of the same tensor.
    """

    derived: Vectors

    @property
    def present(self) -> tuple[bool, ...]:
        """See ``Vectors``."""
        return self.raw.present + self.derived.present

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        n, chosen = len(self.raw.present), self.chosen(tasks)
        before, after = [i for i in chosen if i < n], [i - n for i in chosen if i >= n]
        yield from self.raw.vectors(start, stop, dtype, room, before)
        yield from self.derived.vectors(start, stop, dtype, room, after)


def _block(tensor: Vectors, rows: Tensor | None, dtype: torch.dtype) -> Tensor:
    """``(n, n)`` inner products of one tensor's deltas, or of combinations of them."""
    if rows is not None:
        return _streamed(tensor, rows, dtype)
    factors = tensor.factors
    inner = _in_factors(factors)
    low = torch.tensor([f is not None for f in factors])
    if low.tolist() == list(tensor.present):
        return inner
    return torch.where(low[:, None] & low, inner, _streamed(tensor, None, dtype, low.tolist()))


def _streamed(
    tensor: Vectors, rows: Tensor | None, dtype: torch.dtype, low: Sequence[bool] = ()
) -> Tensor:
    """Products by the stream; those between two deltas that are ``low`` are left 0."""
    n = len(tensor.present)
    low = low or [False] * n
    total, room = [[0.0] * n for _ in range(n)], Room()
    for start, stop in pieces(tensor.numel, CHUNK):
        values: list[Tensor | None] = []
        for task, delta in enumerate(tensor.vectors(start, stop, dtype, room)):
            if delta is None:
                values.append(None)
            else:  # from an aligned buffer, for a product may depend on where its input lies
                values.append(room.take(("double", task), stop - start, torch.float64).copy_(delta))
        vectors = values if rows is None else [_combined(values, row) for row in rows.tolist()]
        for i, first in enumerate(vectors):
            for j, second in enumerate(vectors[: i + 1]):
                if first is not None and second is not None and not (low[i] and low[j]):
                    total[i][j] += float(torch.dot(first, second))
    lower = torch.tensor(total, dtype=torch.float64).reshape(n, n)
    return lower + lower.tril(-1).T


def _combined(values: list[Tensor | None], weights: list[float]) -> Tensor | None:
    """Sum of weighted vectors in index order."""
    total = None
    for weight, value in zip(weights, values, strict=True):
        if value is not None and weight != 0.0:
            total = weight * value if total is None else total + weight * value
    return total


def _in_factors(factors: tuple[Factors | None, ...]) -> Tensor:
    n = len(factors)
    block = torch.zeros(n, n, dtype=torch.float64)
    doubled = [
        None if f is None else (f.b.double().numpy(), f.a.double().numpy() * f.scale)
        for f in factors
    ]
    for i, first in enumerate(doubled):
        for j, second in enumerate(doubled[: i + 1]):
            if first is not None and second is not None:
                left = np.einsum("oi,oj->ij", first[0], second[0])
                right = np.einsum("ik,jk->ij", first[1], second[1])
                block[i, j] = block[j, i] = float((left * right).sum())
    return block
