"""ACE: RegMean without data, with input covariances estimated from the deltas themselves."""

import statistics
from dataclasses import dataclass
from math import log
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import Reduction, gram_of, triplets
from studio.methods.contract import Given, option
from studio.methods.kit.row_space import RowSpace, add_cubed, divide, energy_of, factorized
from studio.methods.whole import Entries, Whole

_TINY = 1e-12  # the reference's, beside energies
_BLOCK = 256  # rows that are widened to float64 at a time


@dataclass(frozen=True)
class Ace(Whole):
    """base + scale tau per matrix, with every task's input covariance read off its delta.

    D_i = c_i delta_i, Z_i is D_i less the mean of its rows, and S_i = Z_i^T Z_i stands for the
    covariance of task i's inputs; tau (sum_i (S_i + epsilon) + 1 m^T) = sum_i Z_i (S_i + epsilon),
    with m the column means of sum_i S_i. Tasks are called uneven in a matrix where the variance
    of log ||D_i||^2 is above ``threshold`` times the square of its mean; then S_i and its epsilon
    are divided by ||Z_i||^2, m by the mean ||D_i||^2, and to tau is added U V^T times the mean
    singular value of the leading ``share`` of the directions of
    tau + sum_i D_i (S_i - mean_j (S_j + epsilon_j)); null directions are left out. Where rows are
    centered, as in the authors' code, one task does not get its own model back. Tasks that leave
    a matrix alone do not count in it. Other tensors take the mean.

    Source: Xu et al. 2026, ACE-Merging (arXiv 2603.02945), and the authors' code.
    """

    name: ClassVar[str] = "ace"
    title: ClassVar[str] = "ACE"
    plainly: ClassVar[str] = (
        "Guesses from each task's change what its inputs look like, and chooses weights that "
        "suit them all."
    )
    default_coefficient: ClassVar[float] = 1.0
    starts_short: ClassVar[bool] = True

    epsilon: float = option(
        1e-5,
        (
            "A little that is added so that no division blows up; more moves the result toward the "
            "plain mean."
        ),
        label="steadying",
        exactly="Added to every covariance; larger is nearer to the mean.",
        low=1e-12,
        high=1e3,
    )
    threshold: float = option(
        0.3,
        "Matrices to which tasks contribute more unevenly than this are worked over once more.",
        label="when to refine",
        exactly="Above this unevenness of the tasks' energies, matrices are refined.",
        low=0.0,
    )
    share: float = option(
        0.3,
        "How much of a matrix is worked over where tasks contribute unevenly.",
        label="share refined",
        exactly="Refinement: share of the singular directions that is added.",
        low=0.0,
        high=1.0,
    )

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The covariance-weighted merge; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        rows = RowSpace.of(entries)
        energies = [energy_of(rows.delta(task)) for task in entries.present]
        uneven = unevenness(energies) > self.threshold
        right = torch.zeros(entries.shape[0], rows.width, dtype=torch.float64)
        left = torch.zeros(rows.width, rows.width, dtype=torch.float64)
        lost, added = torch.zeros(rows.width, dtype=torch.float64), 0.0
        for task in entries.present:
            centered = rows.delta(task)
            mean, divisor = _center(centered, uneven)
            add_cubed(right, centered, 1 / divisor)
            gram_of(centered, left, 1 / divisor)
            lost.add_(_onto(centered, mean), alpha=1 / divisor)
            added += self.epsilon / divisor
            del centered
        prior = left @ rows.ones() / entries.shape[1]
        left.diagonal().add_(added)
        spread = _spread(rows, right + lost, left) if uneven else None
        for task in entries.present:
            centered = rows.delta(task)
            _, divisor = _center(centered, uneven)
            right.add_(centered, alpha=self.epsilon / divisor)
            del centered
        prior /= statistics.fmean(energies) + _TINY if uneven else 1.0
        tau = _solved(right, left, rows.ones(), prior)
        if spread is not None:
            tau += self._refinement(spread.add_(tau), min(entries.shape))
        return rows.dense(tau)

    def _refinement(self, matrix: Tensor, directions: int) -> Tensor:
        """``mean(s) U V^T`` of the leading share of so many directions."""
        found = triplets(matrix, Reduction(int(directions * self.share)))
        return (found.u * found.s.mean().nan_to_num()) @ found.v.T


def unevenness(energies: list[float]) -> float:
    """Variance of the logarithms over the square of their mean; 0 for one task."""
    if len(energies) < 2:
        return 0.0
    logs = [log(energy + _TINY) for energy in energies]
    return statistics.variance(logs) / (statistics.fmean(logs) ** 2 + _TINY)


def _center(delta: Tensor, uneven: bool) -> tuple[Tensor, float]:
    """Take the mean row away in place; returns it, and what the covariance is divided by."""
    mean = delta.mean(0, dtype=torch.float64)
    delta.sub_(mean)
    return mean, energy_of(delta) + _TINY if uneven else 1.0


def _onto(centered: Tensor, mean: Tensor) -> Tensor:
    """``mean^T Z^T Z``: the row by which all rows of ``D Z^T Z`` and ``Z Z^T Z`` differ."""
    row = torch.zeros_like(mean)
    for block in centered.split(_BLOCK):
        wide = block.double()
        row += (wide @ mean) @ wide
    return row


def _spread(rows: RowSpace, own: Tensor, left: Tensor) -> Tensor:
    """``sum_i D_i (S_i - left / n)`` of ``own = sum_i D_i S_i``, which is overwritten."""
    for task in rows.entries.present:
        delta = rows.delta(task)
        for target, block in zip(own.split(_BLOCK), delta.split(_BLOCK), strict=True):
            target.addmm_(block.double(), left, alpha=-1 / len(rows.entries.present))
        del delta
    return own


def _solved(right: Tensor, left: Tensor, ones: Tensor, prior: Tensor) -> Tensor:
    """``right (left + ones prior^T)^-1`` after Sherman and Morrison; right and left are reused."""
    lower = factorized(left)
    tau = divide(right, lower)
    back = divide(prior.unsqueeze(0), lower).squeeze(0)
    return tau.addr_(tau @ ones, back, alpha=-1 / (1 + float(back @ ones)))
