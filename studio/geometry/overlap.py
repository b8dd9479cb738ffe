"""Subspace overlap: how much of two tasks' column and row spaces is the same, by matrix."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.vectors import CHUNK, Vectors, pieces
from studio.progress import Progress, silent

_SMALLEST = 1e-6  # singular values below this share of the largest are rounding, not directions


@dataclass(frozen=True)
class Subspaces:
    """Leading singular directions of one delta.

    Attributes:
        columns: ``(out, r)`` float64, orthonormal; they span the leading column space.
        rows: ``(in, r)`` float64, orthonormal; they span the leading row space.
    """

    columns: Tensor
    rows: Tensor

    @property
    def rank(self) -> int:
        """Number of directions; 0 for a delta of zero."""
        return self.columns.shape[1]

    def leading(self, rank: int) -> "Subspaces":
        """The first directions only."""
        return Subspaces(self.columns[:, :rank], self.rows[:, :rank])


@dataclass(frozen=True)
class Overlap:
    """Overlap of the leading subspaces of n deltas of one matrix.

    The overlap of two r-dimensional subspaces is the mean squared cosine of their principal
    angles, ``||U_i^T U_j||_F^2 / r``: 0 if they are orthogonal, 1 if they are the same.

    Attributes:
        rank: r.
        columns: ``(n, n)`` float64, of the column (output) spaces; NaN where a task leaves the
            matrix alone.
        rows: ``(n, n)`` float64, of the row (input) spaces.
        expected_columns: r / out, the expected overlap of random subspaces.
        expected_rows: r / in.

    Source: Björck and Golub 1973, Math. Comp. 27 (principal angles).
    """

    rank: int
    columns: Tensor
    rows: Tensor
    expected_columns: float
    expected_rows: float


def overlap(deltas: Deltas, name: str, progress: Progress = silent) -> Overlap | None:
    """Overlap of the n deltas of one tensor; one delta is held at a time, in float64.

    The rank is floor(min(out, in) / n), at most the rank of any delta that changes the matrix.

    Args:
        deltas: finite ones.
        name: of the tensor.
        progress: told the share of deltas done, in this tensor; may raise to give up.

    Returns:
        The overlap, or None if the tensor is no matrix, is too small for n subspaces, or is
        changed by fewer than two tasks.
    """
    tensor, n = deltas.at(name), len(deltas)
    most = min(tensor.shape) // n if len(tensor.shape) == 2 else 0
    if most == 0 or sum(tensor.present) < 2:
        return None
    found: dict[int, Subspaces] = {}
    for task, factors in enumerate(deltas.at(name).factors):
        if tensor.present[task]:
            progress(task / n, f"subspaces of {name}")
            if factors is None:
                spaces = _of_matrix(_dense(tensor, task, deltas), most)
            else:
                spaces = _of_factors(factors, most)
            if spaces.rank:
                found[task] = spaces
    if len(found) < 2:
        return None
    rank = min(each.rank for each in found.values())
    chosen = {task: each.leading(rank) for task, each in found.items()}
    return Overlap(
        rank,
        _pairs({task: each.columns for task, each in chosen.items()}, n),
        _pairs({task: each.rows for task, each in chosen.items()}, n),
        rank / tensor.shape[0],
        rank / tensor.shape[1],
    )


def _pairs(bases: dict[int, Tensor], n: int) -> Tensor:
    found = torch.full((n, n), float("nan"), dtype=torch.float64)
    for i, first in bases.items():
        for j, second in bases.items():
            if j <= i:
                mean = float((first.T @ second).square().sum() / first.shape[1])
                found[i, j] = found[j, i] = min(mean, 1.0)
    return found


def _dense(tensor: Vectors, task: int, deltas: Deltas) -> Tensor:
    """One delta as an ``(out, in)`` float64 matrix."""
    dense = torch.empty(tensor.base.numel(), dtype=torch.float64)
    for start, stop in pieces(dense.numel(), CHUNK):
        piece = tensor.delta(task, start, stop, deltas.dtype)
        assert piece is not None
        dense[start:stop] = piece
    return dense.reshape(tensor.shape)


def _of_matrix(dense: Tensor, most: int) -> Subspaces:
    """From the eigenvectors of the smaller side's Gram; QR makes the other side orthonormal."""
    if dense.shape[0] > dense.shape[1]:
        turned = _of_matrix(dense.T, most)
        return Subspaces(turned.rows, turned.columns)
    squares, vectors = torch.linalg.eigh(dense @ dense.T)  # (out,), (out, out)
    rank = _rank(squares.flip(0).clamp(min=0).sqrt(), most)
    columns = vectors.flip(1)[:, :rank]
    return Subspaces(columns, torch.linalg.qr(dense.T @ columns).Q)


def _of_factors(factors: Factors, most: int) -> Subspaces:
    """Without forming ``B A``: QR of both factors, then the SVD of the small core between."""
    left, b = torch.linalg.qr(factors.b.double())
    right, a = torch.linalg.qr(factors.a.double().T)
    columns, values, rows = torch.linalg.svd(factors.scale * b @ a.T, full_matrices=False)
    rank = _rank(values, most)
    return Subspaces(left @ columns[:, :rank], right @ rows.T[:, :rank])


def _rank(values: Tensor, most: int) -> int:
    """How many of the falling singular values are directions of their own, at most ``most``."""
    return min(most, int((values > _SMALLEST * values[0]).sum()))
