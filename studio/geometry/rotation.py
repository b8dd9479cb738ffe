"""Rotations: nearest to a change of weights, their Cayley coordinates, and sums of these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

_RIDGE = 1e-12  # keeps the coordinates of half a turn, which are infinite, within about 1e6
_CANCELS = 1e-7  # of the tasks' norms; a sum below is rounding, and has no direction


@dataclass(frozen=True)
class Turn:
    """A rotation of d inputs by its Cayley coordinates ``A = P S P^T``, all float64.

    ``R = (I - A)^-1 (I + A)``, which turns a plane by the angle a where A turns it by tan(a / 2).

    Attributes:
        skew: S, ``(r, r)``.
        basis: P, ``(d, r)``; None for the identity.
    """

    skew: Tensor
    basis: Tensor | None = None

    @cached_property
    def norm(self) -> float:
        """Frobenius norm of A."""
        if self.basis is None:
            return float(torch.linalg.matrix_norm(self.skew))
        inner = self.skew @ self._metric  # (r, r); A's squares are -trace((S P^T P)^2)
        return float((-(inner * inner.T).sum()).clamp(min=0).sqrt())

    def change(self, rows: Tensor) -> Tensor:
        """``rows (R - I)``.

        Args:
            rows: ``(out, d)``.

        Returns:
            ``(out, d)`` float64.
        """
        rows = rows.double()
        eye = torch.eye(len(self.skew), dtype=torch.float64)
        if self.basis is None:  # rows (I - A)^-1 2 A
            return torch.linalg.solve(eye - self.skew, rows, left=False) @ (2 * self.skew)
        # the same by Woodbury's identity, with matrices of the size of S only
        solved = torch.linalg.solve(eye - self.skew @ self._metric, 2 * self.skew)
        return rows @ self.basis @ solved @ self.basis.T

    @property
    def whole(self) -> Tensor:
        """A, ``(d, d)``."""
        return self.skew if self.basis is None else self.basis @ self.skew @ self.basis.T

    @property
    def largest_angle(self) -> float:
        """In radians, of the planes that R turns."""
        skew = self.skew
        if self.basis is not None:
            _, upper = torch.linalg.qr(self.basis)
            skew = upper @ skew @ upper.T
        return float(2 * torch.linalg.matrix_norm(skew, 2).atan())

    def scaled(self, factor: float) -> "Turn":
        """The rotation with coordinates times a factor."""
        return replace(self, skew=self.skew * factor)

    @cached_property
    def _metric(self) -> Tensor:
        assert self.basis is not None
        return self.basis.T @ self.basis


def nearest_turn(base: Tensor, target: Tensor, tolerance: float) -> Turn:
    """The rotation R, of determinant 1, with the least ``||base R - target||``.

    Where the inputs outnumber twice the outputs, all happens in the row space of both, outside of
    which R is the identity.

    Args:
        base: ``(out, d)``.
        target: ``(out, d)``.
        tolerance: singular values of ``base^T target`` below it, relative to the largest, leave
            R open; it is completed by the least rotation.

    Source: OrthoMerge (arXiv 2602.05943), orthogonal Procrustes; the completion is not in its
    public code, which leaves a null space to chance.
    """
    base, target = base.double(), target.double()
    out, width = base.shape
    basis = None
    if width > 2 * out:
        basis = torch.linalg.qr(torch.cat([base, target]).T).Q  # (d, 2 out)
        base, target = base @ basis, target @ basis
    return Turn(inverse_cayley(procrustes(base, target, tolerance)), basis)


def procrustes(base: Tensor, target: Tensor, tolerance: float) -> Tensor:
    """The rotation R, ``(d, d)``, with the least ``||base R - target||``, and whole.

    Directions that ``base^T target`` does not tell are turned as little as the others allow; if
    that leaves a reflection, the direction that matters least is turned back (Kabsch).

    Args:
        base: ``(out, d)`` float64.
        target: ``(out, d)`` float64.
        tolerance: relative to the largest singular value of ``base^T target``.
    """
    out, size = base.shape
    if out < size:  # the product has no more than ``out`` directions: a thin decomposition
        left, upper = torch.linalg.qr(base.T)
        u, s, vh = torch.linalg.svd(upper @ target, full_matrices=False)
        u = left @ u
    else:
        u, s, vh = torch.linalg.svd(base.T @ target)
    rank = int((s > s[:1] * tolerance).sum())
    if rank < size:
        u, v = u[:, :rank], vh[:rank].T
        open_u, open_v = _complement(u), _complement(v)
        x, _, yh = torch.linalg.svd(open_u.T @ open_v)
        u = torch.cat([u, open_u @ x], 1)
        vh = torch.cat([v.T, yh @ open_v.T])
    found = u @ vh
    if float(torch.linalg.slogdet(found).sign) < 0:
        found = found - 2 * u[:, -1:] * vh[-1:]
    return found


def inverse_cayley(rotation: Tensor) -> Tensor:
    """``A = (R + I)^-1 (R - I)`` of a rotation ``(d, d)``, skew.

    Written as ``(R - R^T) (2 I + R + R^T)^-1`` with a small ridge, so that a plane that is turned
    by half a turn, whose coordinate would be infinite, gets a finite one.
    """
    eye = torch.eye(len(rotation), dtype=rotation.dtype)
    symmetric = (2 + _RIDGE) * eye + rotation + rotation.T
    skew = torch.linalg.solve(symmetric, rotation - rotation.T)
    return (skew - skew.T) / 2


class TurnSum:
    """Weighted coordinates of the tasks' rotations, slice by slice of the inputs, added in order.

    Args:
        out: outputs of the matrix, which bound the rank of every rotation.
        widths: inputs per slice.
        n: tasks at most.
    """

    def __init__(self, out: int, widths: Sequence[int], n: int) -> None:
        self._joint = [width > 2 * n * out for width in widths]  # stays of low rank
        self._whole = [
            torch.zeros(0 if joint else width, 0 if joint else width, dtype=torch.float64)
            for width, joint in zip(widths, self._joint, strict=True)
        ]
        self._parts: list[list[Turn]] = [[] for _ in widths]
        self._norms: list[list[float]] = []

    def __len__(self) -> int:
        """Tasks added."""
        return len(self._norms)

    def add(self, turns: Sequence[Turn], weight: float) -> None:
        """Add a task's rotations, one per slice."""
        self._norms.append([abs(weight) * turn.norm for turn in turns])
        for s, turn in enumerate(turns):
            if self._joint[s]:
                self._parts[s].append(turn.scaled(weight))
            else:
                self._whole[s].add_(turn.whole, alpha=weight)

    def merged(self, n: int, per_block: bool, correct: bool) -> tuple[tuple[Turn, ...], float]:
        """The merged rotations, one per slice, and the largest correction of their length.

        Args:
            n: tasks among which the mean is taken.
            per_block: whether each slice has a length of its own to keep.
            correct: whether lengths are corrected at all.
        """
        turns = [
            joined(parts) if joint else Turn(whole)
            for parts, joint, whole in zip(self._parts, self._joint, self._whole, strict=True)
        ]
        totals = torch.tensor([turn.norm for turn in turns], dtype=torch.float64)
        norms = torch.tensor(self._norms, dtype=torch.float64).view(-1, len(turns))
        factors = corrections(norms, totals, per_block)
        used = (factors if correct else torch.ones_like(factors)) / n
        scaled = tuple(turn.scaled(x) for turn, x in zip(turns, used.tolist(), strict=True))
        return scaled, float(factors.max())


def joined(turns: Sequence[Turn]) -> Turn:
    """The rotation whose coordinates are the sum of others' that have bases."""
    bases = [turn.basis for turn in turns if turn.basis is not None]
    return Turn(torch.block_diag(*(turn.skew for turn in turns)), torch.cat(bases, 1))


def merged_skew(
    skews: Sequence[Tensor], weights: Sequence[float], per_block: bool, correct: bool
) -> tuple[Tensor, float]:
    """Mean of block-diagonal coordinates with the mean of their lengths.

    Args:
        skews: ``(blocks, b, b)`` float64 per task.
        weights: one per task.
        per_block: whether each block has a length of its own to keep.
        correct: whether lengths are corrected at all.

    Returns:
        ``(blocks, b, b)``, and the largest correction.

    Source: OrthoMerge (arXiv 2602.05943), the merge of OFT adapters.
    """
    total = torch.zeros_like(skews[0])
    for skew, weight in zip(skews, weights, strict=True):
        total.add_(skew, alpha=weight)
    norms = torch.stack(
        [abs(w) * torch.linalg.matrix_norm(skew) for skew, w in zip(skews, weights, strict=True)]
    )
    factors = corrections(norms, torch.linalg.matrix_norm(total), per_block)
    used = (factors if correct else torch.ones_like(factors)) / len(skews)
    return total * used.view(-1, 1, 1), float(factors.max())


def corrections(norms: Tensor, totals: Tensor, per_block: bool) -> Tensor:
    """What restores the length that a sum of coordinates loses where the tasks disagree.

    Args:
        norms: ``(n, blocks)`` of the tasks' weighted coordinates.
        totals: ``(blocks,)`` norms of their sums.
        per_block: by block, or with the norm over all blocks.

    Returns:
        ``(blocks,)`` sums of norms / norm of the sum; 0 where the sum is only rounding.

    Source: OrthoMerge (arXiv 2602.05943), magnitude correction.
    """
    if not per_block:
        blocks = len(totals)
        norms = norms.square().sum(1, keepdim=True).sqrt()
        totals = totals.square().sum().sqrt().view(1)
        return corrections(norms, totals, True).expand(blocks)
    sums = norms.sum(0)
    kept = totals > _CANCELS * sums
    return torch.where(kept, sums / totals.where(kept, torch.ones_like(totals)), 0.0)


def _complement(basis: Tensor) -> Tensor:
    """Orthonormal ``(d, d - r)`` beside orthonormal ``(d, r)``."""
    return torch.linalg.qr(basis, mode="complete").Q[:, basis.shape[1] :]
