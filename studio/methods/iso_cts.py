"""Iso-CTS: Iso-C with a part of the directions reserved for what single tasks use."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import Reduction, triplets
from studio.methods.contract import Given, option
from studio.methods.iso_c import isotropic_sum
from studio.methods.kit.singular_bases import SingularBases
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class IsoCts(Whole):
    """base + scale P(U) mean(s) P(V)^T per matrix, of common and of task-specific directions.

    Of k = min(out, in) directions, about the share ``common`` are the leading ones of the sum of
    all c_i delta_i; the rest is dealt out in equal parts to the tasks, each of which adds the
    leading directions of its delta off the common columns. P(X) has the orthonormal columns
    nearest to X. Directions that nobody uses stay zero and do not count in the mean, as in Iso-C,
    which this is for one task, or where no direction is left to deal out. Other tensors take the
    mean.

    Source: Marczak et al. 2025, No task left behind (arXiv 2502.04959), Iso-CTS.
    """

    name: ClassVar[str] = "iso_cts"
    title: ClassVar[str] = "Iso-CTS"
    plainly: ClassVar[str] = (
        "Makes the directions that tasks share, and some of each task's own, equally strong."
    )
    main: ClassVar[str] = "common"
    default_coefficient: ClassVar[float] = 1.0

    common: float = option(
        0.8,
        (
            "How many of the directions belong to all tasks; the others are shared out among "
            "single tasks."
        ),
        label="share in common",
        exactly="Share of the directions that the tasks have in common.",
        low=0.0,
        high=1.0,
    )

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The isotropic directions; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        common, own = self.shares(min(entries.shape), len(entries))
        if own == 0 or len(entries) == 1:
            return isotropic_sum(entries)
        bases = SingularBases(entries)
        off = torch.zeros(entries.shape[0], 0, dtype=entries.dtype)
        if common:
            summed = entries.summed_factors() or entries.sum()
            found = triplets(summed, Reduction(common), entries.dtype)
            off = found.u
            bases.add(found)
            del summed, found
        for task in range(len(entries)):
            delta = entries.delta(task)
            if delta is None:
                continue
            least = float(delta.norm()) * max(delta.shape) * torch.finfo(delta.dtype).eps
            delta.addmm_(off, off.T @ delta, alpha=-1.0)
            bases.add(triplets(delta, Reduction(own), entries.dtype, least))
            del delta
        return bases.merged(equal=True)

    def shares(self, k: int, n: int) -> tuple[int, int]:
        """How many of k directions are common, and how many each of n tasks has."""
        own = min(round((k - int(k * self.common)) / n), k // n)
        return k - own * n, own
