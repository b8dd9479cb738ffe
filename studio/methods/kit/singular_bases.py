"""The tasks' singular bases side by side, made orthonormal and put together again."""

import torch
from torch import Tensor

from studio.geometry.spectra import Reduction, Triplets, polar, triplets
from studio.methods.whole import Entries


class SingularBases:
    """Triplets of several matrices of one shape, in the compute dtype."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._found: list[Triplets] = []

    def add(self, found: Triplets) -> None:
        """Put triplets behind those that are there."""
        self._found.append(found)

    def add_delta(self, task: int, rank: int) -> None:
        """Put the leading triplets of c_i delta_i behind those that are there."""
        matrix = self._entries.factors(task) or self._entries.delta(task)
        if matrix is not None:
            self.add(triplets(matrix, Reduction(rank), self._entries.dtype))

    def merged(self, equal: bool = False) -> Tensor:
        """``(out, in)`` ``polar(U) diag(s) polar(V)^T``; nothing is left here.

        Args:
            equal: whether all of s become their mean.

        Source: TSV-M (arXiv 2412.00081), Sec. 4; equal: Iso-CTS (arXiv 2502.04959), Sec. 4.3.
        """
        if not self._found:
            return torch.zeros(self._entries.shape, dtype=self._entries.dtype)
        s = torch.cat([each.s for each in self._found])
        s = s.mean().nan_to_num().expand_as(s) if equal else s
        v = torch.cat([each.v for each in self._found], 1)
        u = torch.cat([each.u for each in self._found], 1)
        self._found.clear()
        u = polar(u).mul_(s)
        return u @ polar(v).T
