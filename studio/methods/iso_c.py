"""Iso-C: the summed delta with all its singular values made equal."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from studio.geometry.spectra import Reduction, isotropic, triplets
from studio.methods.contract import Given
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class IsoC(Whole):
    """base + scale U mean(s) V^T per matrix, with U s V^T = sum_i c_i delta_i.

    Every direction that some task uses gets the same length; other tensors take the mean. Where
    the sum has fewer directions than the matrix (LoRA), the reference gives the mean over all to
    directions that no task uses, and which the SVD chooses at will; here they stay zero, and the
    mean is over those that are used. Sums of full rank are as in the reference.

    Source: Marczak et al. 2025, No task left behind (arXiv 2502.04959), Iso-C.
    """

    name: ClassVar[str] = "iso_c"
    title: ClassVar[str] = "Iso-C"
    plainly: ClassVar[str] = (
        "Adds all changes and makes the directions of the sum equally strong, so that none "
        "drowns the others."
    )
    default_coefficient: ClassVar[float] = 1.0

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The isotropic sum; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        return isotropic_sum(entries)


def isotropic_sum(entries: Entries) -> Tensor:
    """``(out, in)`` the sum of a matrix's weighted deltas, with equal singular values."""
    low_rank = entries.summed_factors()
    if low_rank is None:
        return isotropic(entries.sum())
    found = triplets(low_rank, Reduction())
    return ((found.u * found.s.mean().nan_to_num()) @ found.v.T).to(entries.dtype)
