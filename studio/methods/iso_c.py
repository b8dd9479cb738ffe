"""Iso-C: the summed delta with all its singular values made equal."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.methods.method import Given
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class IsoC(Whole):
    """base + scale U mean(s) V^T per matrix, with U s V^T = sum_i c_i delta_i.

    Every direction that some task uses gets the same length; other tensors take the mean.

    Source: Marczak et al. 2025, No task left behind (arXiv 2502.04959), Iso-C.
    """

    name: ClassVar[str] = "iso_c"
    title: ClassVar[str] = "Iso-C"
    default_coefficient: ClassVar[float] = 1.0

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The isotropic sum; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        u, s, vh = torch.linalg.svd(entries.sum(), full_matrices=False)
        return (u * s.mean()) @ vh
