"""The tasks' changes of a matrix in coordinates of the space that their rows span."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.geometry.spectra import gram_of, times
from studio.methods.whole import Entries

_BLOCK = 256  # rows at a time


@dataclass(frozen=True)
class RowSpace:
    """Where the rows of all c_i delta_i lie: all inputs, or a few directions of LoRA factors.

    Attributes:
        entries: the weighted deltas.
        basis: ``(in, width)`` float64, orthonormal; None where the rows are taken as they are.
    """

    entries: Entries
    basis: Tensor | None

    @classmethod
    def of(cls, entries: Entries) -> "RowSpace":
        """The row space of a matrix's deltas."""
        low_rank = entries.summed_factors()
        return cls(entries, None if low_rank is None else torch.linalg.qr(low_rank.a.T).Q)

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return self.entries.shape[1] if self.basis is None else self.basis.shape[1]

    def delta(self, task: int) -> Tensor:
        """``(out, width)`` c_i delta_i of one of the tasks, in memory of its own."""
        if self.basis is None:
            dense = self.entries.delta(task)
            assert dense is not None
            return dense
        factors = self.entries.factors(task)
        assert factors is not None
        return (factors.b.double() * factors.scale) @ (factors.a.double() @ self.basis)

    def ones(self) -> Tensor:
        """``(width,)`` float64 coordinates of a row of ones."""
        if self.basis is None:
            return torch.ones(self.width, dtype=torch.float64)
        return self.basis.sum(0)

    def dense(self, change: Tensor) -> Tensor:
        """``(out, in)`` in the entries' dtype, of ``(out, width)``."""
        if self.basis is None:
            return change.to(self.entries.dtype)
        return times(change, self.basis.T, self.entries.dtype)


def energy_of(delta: Tensor) -> float:
    """Its squared norm, in float64."""
    return sum(float(block.double().square().sum()) for block in delta.split(_BLOCK))


def add_cubed(total: Tensor, delta: Tensor, weight: float) -> None:
    """Add ``weight D D^T D`` to a matrix of D's shape, by way of D's smaller Gram in float64."""
    wide = delta.shape[0] < delta.shape[1]
    targets, rows = (total.T, delta.T) if wide else (total, delta)
    gram = gram_of(rows)
    for target, block in zip(targets.split(_BLOCK), rows.split(_BLOCK), strict=True):
        target.add_(block.double() @ gram, alpha=weight)


def factorized(gram: Tensor) -> Tensor:
    """Lower Cholesky factor of a positive definite ``(width, width)``, which it overwrites."""
    lower = gram.mT  # in LAPACK's order: no copy is made
    torch.linalg.cholesky(lower, out=lower)
    return lower


def divide(rows: Tensor, lower: Tensor) -> Tensor:
    """``rows (L L^T)^-1``, in their place.

    Args:
        rows: ``(out, width)`` float64.
        lower: ``(width, width)`` L, as ``factorized`` gives it.
    """
    for block in rows.split(_BLOCK):
        half = torch.linalg.solve_triangular(lower.mT, block, upper=True, left=False)
        block.copy_(torch.linalg.solve_triangular(lower, half, upper=False, left=False))
    return rows
