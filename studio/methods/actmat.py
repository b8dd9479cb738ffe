"""ACTMat and TACT: RegMean without data, with the deltas themselves as the tasks' inputs."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import gram_of
from studio.geometry.subspaces import is_matrix
from studio.methods.additive import LongRowAdditive, Sums
from studio.methods.contract import Given, option
from studio.methods.kit.row_space import RowSpace
from studio.methods.whole import Entries, Whole

_BLOCK = 256  # rows that are widened to float64 at a time


@dataclass(frozen=True)
class ActMat(Whole):
    """base + scale (sum_i D_i C_i) (sum_i C_i)^+ per matrix, with C_i = K_i^T K_i.

    D_i = c_i delta_i, and K_i is D_i, or with ``entries`` below 1 (TACT: 0.5) that share of its
    entries that is largest. C_i stands for the covariance of task i's inputs; unlike WUDI's it is
    not divided by ||D_i||^2, so large deltas count more, and unlike ACE's its rows are not
    centered. Eigenvalues of sum_i C_i up to ``cutoff`` times the largest are left out, and with
    them what the deltas do there; a task that is alone in a matrix keeps its whole delta. ACTMat
    works in the stacked factors of low-rank deltas; TACT
    makes them dense, since a part of their entries has no factors. Other tensors take the mean.

    Source: ACTMat and TACT, public code of 2026; it says to cut the pseudo-inverse, the cutoff
    of 0.01 is the studio's.
    """

    name: ClassVar[str] = "actmat"
    title: ClassVar[str] = "ACTMat, TACT"
    plainly: ClassVar[str] = (
        "Reads off each task's change which inputs it answers to, and keeps of each change what "
        "acts on its own inputs."
    )
    main: ClassVar[str] = "entries"
    default_coefficient: ClassVar[float] = 1.0
    starts_short: ClassVar[bool] = True

    entries: float = option(
        1.0,
        "How many of each change's numbers tell which inputs it answers to, the largest first.",
        label="numbers that tell",
        exactly="Share of |D_i| entries in C_i: 1 is ACTMat, 0.5 is TACT.",
        low=1e-6,
        high=1.0,
    )
    cutoff: float = option(
        1e-2,
        "Directions that hardly any task uses are left out below this share of the strongest.",
        label="weakest direction",
        exactly="Eigenvalues up to this share of the largest are taken for zero.",
        low=0.0,
        high=1.0,
    )

    @property
    def additive(self) -> LongRowAdditive:
        """Of matrices the sums of C_i and of D_i C_i, and of all tensors that of the deltas."""
        return LongRowAdditive(
            self.title, self._of_sums, is_matrix, lambda delta: _largest(delta, self.entries)
        )

    def _of_sums(self, sums: Sums) -> Tensor:
        """As ``change``, in all inputs."""
        if not is_matrix(sums.place.name, sums.place.shape):
            return sums.deltas().mul_(self.scale / sums.tasks)
        if sums.present == 1:
            return sums.deltas().mul_(self.scale)
        values, vectors = torch.linalg.eigh(sums.left()[0])
        rounding = max(sums.place.matrix) * torch.finfo(torch.float64).eps
        kept = values > max(self.cutoff, rounding) * values[-1:].clamp(min=0.0)
        values, vectors = values[kept], vectors[:, kept]
        found = vectors @ ((vectors.T @ sums.right()[0]) / values.unsqueeze(1))
        return sums.place.flat(found.unsqueeze(0)).mul_(self.scale)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The weighted merge; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        if len(entries.present) == 1:
            return entries.sum()
        rows = RowSpace.of(entries) if self.entries == 1.0 else RowSpace(entries, None)
        right = torch.zeros(entries.shape[0], rows.width, dtype=torch.float64)
        left = torch.zeros(rows.width, rows.width, dtype=torch.float64)
        for task in entries.present:
            delta = rows.delta(task)
            own = gram_of(_largest(delta, self.entries))
            left += own
            for target, block in zip(right.split(_BLOCK), delta.split(_BLOCK), strict=True):
                target.addmm_(block.double(), own)
            del delta, own
        values, vectors = torch.linalg.eigh(left)
        kept = values > max(self.cutoff, _rounding(entries)) * values[-1:].clamp(min=0.0)
        vectors = vectors[:, kept]
        return rows.dense((right @ vectors / values[kept]) @ vectors.T)


def _rounding(entries: Entries) -> float:
    """Below this share of the largest, an eigenvalue of a product is rounding of the deltas."""
    return max(entries.shape) * torch.finfo(torch.float64).eps


def _largest(delta: Tensor, share: float) -> Tensor:
    """The delta with that share of its entries, the largest; as large ones stay."""
    count = delta.numel() - int(share * delta.numel())
    if count == 0:
        return delta
    return delta * (delta.abs() > delta.abs().flatten().kthvalue(count).values)
