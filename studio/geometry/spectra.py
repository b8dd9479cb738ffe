"""Singular triplets of deltas, and polar factors, by way of the smaller Gram in little memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.low_rank import Factors

_BLOCK = 256  # rows that are widened to float64 at a time
_SMALLEST_EIGENVALUE = 1e-10  # of the bases' Gram; below, a direction is shared, and is dropped


@dataclass(frozen=True)
class Reduction:
    """How far a delta's matrices are reduced.

    Attributes:
        rank: most singular directions kept, or None.
        energy: share of the squared norm that must be kept, or None for all.
    """

    rank: int | None = None
    energy: float | None = None


@dataclass(frozen=True)
class Triplets:
    """Singular triplets of one delta: ``u * s @ v.T``.

    Attributes:
        u: ``(out, r)``.
        s: ``(r,)`` float64, falling.
        v: ``(in, r)``.
    """

    u: Tensor
    s: Tensor
    v: Tensor


def triplets(
    matrix: Tensor | Factors,
    reduction: Reduction,
    dtype: torch.dtype = torch.float64,
    least: float = 0.0,
) -> Triplets:
    """Leading singular triplets of a delta; its null directions are left out.

    Low-rank factors stay factors: QR of both, then the SVD of an ``(r, r)`` core. Of a float32
    matrix, the eigenvectors of its smaller Gram in float64 are taken: faster than an SVD, in less
    memory, and with errors below float32's own. Float64 matrices, whose Gram would keep half
    their digits, take an SVD.

    Args:
        matrix: ``(out, in)``.
        reduction: how many are kept at most.
        dtype: of u and v.
        least: singular values up to it are taken for rounding errors, as are those up to
            max(out, in) eps times the largest.
    """
    if isinstance(matrix, Factors):
        left, upper = torch.linalg.qr(matrix.b.double() * matrix.scale)
        right, lower = torch.linalg.qr(matrix.a.double().T)
        u, s, vh = torch.linalg.svd(upper @ lower.T)
        kept = _kept(s, max(len(left), len(right)), matrix.b.dtype, reduction, least)
        u, v = left @ u[:, :kept], right @ vh[:kept].T
    elif matrix.dtype == torch.float64:
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
        kept = _kept(s, max(matrix.shape), matrix.dtype, reduction, least)
        u, v = u[:, :kept], vh[:kept].T
    else:
        rows = _tall(matrix)
        s, near = _eigen(rows)
        kept = _kept(s, max(matrix.shape), matrix.dtype, reduction, least)
        near = near[:, near.shape[1] - kept :].flip(1)
        far = times(rows, near / s[:kept], dtype)
        u, v = (far, near) if rows is matrix else (near, far)
    return Triplets(u.to(dtype), s[:kept].double(), v.to(dtype))


def isotropic(matrix: Tensor) -> Tensor:
    """``U mean(s) V^T`` over the directions that a dense matrix has; it may be overwritten.

    Source: Marczak et al. 2025 (arXiv 2502.04959), Eq. 5; null directions stay zero.
    """
    if matrix.dtype == torch.float64:
        found = triplets(matrix, Reduction())
        return (found.u * found.s.mean().nan_to_num()) @ found.v.T
    rows = _tall(matrix)
    s, near = _eigen(rows)
    kept = _kept(s, max(matrix.shape), matrix.dtype, Reduction(), 0.0)
    near, s = near[:, near.shape[1] - kept :], s[:kept]
    near.mul_((s.mean().nan_to_num() / s.flip(0)).sqrt())
    times(rows, near @ near.T, out=rows)
    return matrix


def polar(bases: Tensor) -> Tensor:
    """The orthonormal columns nearest to ``(d, R)``, which is overwritten.

    Dependent directions are not filled: the columns then are a partial isometry.
    """
    values, vectors = _eigh(gram_of(bases))
    kept = values > _SMALLEST_EIGENVALUE * values[-1:]
    vectors.mul_(torch.where(kept, values.where(kept, 1.0).pow(-0.25), 0.0))
    return times(bases, vectors @ vectors.T, out=bases)


def gram_of(rows: Tensor, total: Tensor | None = None, weight: float = 1.0) -> Tensor:
    """``total + weight rows^T rows`` of ``(d, k)`` rows, ``(k, k)`` float64, added in place."""
    if total is None:
        total = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for block in rows.split(_BLOCK):
        wide = block.double()
        total.addmm_(wide.T, wide, alpha=weight)
    return total


def times(
    rows: Tensor, right: Tensor, dtype: torch.dtype | None = None, out: Tensor | None = None
) -> Tensor:
    """``rows @ right`` in float64, block of rows by block.

    Args:
        rows: ``(d, k)``.
        right: ``(k, m)`` float64.
        dtype: of the result; None for that of the rows.
        out: where to write it, ``(d, m)``; may be the rows themselves.
    """
    if out is None:
        out = torch.empty(len(rows), right.shape[1], dtype=dtype or rows.dtype)
    for target, block in zip(out.split(_BLOCK), rows.split(_BLOCK), strict=True):
        target.copy_(block.double() @ right)
    return out


def _tall(matrix: Tensor) -> Tensor:
    """The matrix, or its transpose (a view) if that has more rows."""
    return matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T


def _eigen(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Of ``(d, k)`` rows the singular values, falling, and right singular vectors, the last first.

    Both are float64.
    """
    values, vectors = _eigh(gram_of(rows))
    return values.clamp(min=0.0).sqrt().flip(0), vectors


def _eigh(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and eigenvectors of ``(k, k)``, which is overwritten by the latter."""
    vectors = gram.mT  # in LAPACK's order: no copy is made
    values = torch.empty(len(gram), dtype=gram.dtype)
    torch.linalg.eigh(vectors, out=(values, vectors))
    return values, vectors


def _kept(s: Tensor, longest: int, stored: torch.dtype, reduction: Reduction, least: float) -> int:
    """How many of the falling singular values are neither null nor cut."""
    kept = int(((s > s[:1] * longest * torch.finfo(stored).eps) & (s > least)).sum())
    if reduction.rank is not None:
        kept = min(kept, reduction.rank)
    if reduction.energy is not None:
        shares = s.double().square().cumsum(0) / s.double().square().sum().clamp(min=1e-300)
        kept = min(kept, int((shares < reduction.energy - 1e-12).sum()) + 1)
    return kept
