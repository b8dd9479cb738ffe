"""NUFILT: each newcomer loses what acts where earlier tasks act, and a small mend is solved for."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import Reduction, triplets
from studio.methods.contract import Given, option
from studio.methods.kit.row_space import RowSpace
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class Nufilt(Whole):
    """base + scale P per matrix; P = T_1, then P = P + T (I - U U^T) + T G for each task after.

    T = c_i delta_i, U are the leading ``filtered`` right singular vectors of P so far, and T G is
    the least-norm minimum of ||T V - (P + T (I - U U^T + G)) V||^2 + ||T G U||^2, with V the
    leading ``mended`` right singular vectors of T: where the filter took what the newcomer needs
    most, it is given back as far as earlier tasks do not use it. The source takes 50 steps of
    Adam on that quadratic in factors of rank 64, with 8 directions; it is solved here, of rank
    ``mended``. Where adapters share their inputs the solution undoes earlier tasks, so none is
    the default. The first task is not filtered by the singular vectors of zero, which are
    arbitrary, and all matrices are merged, not attention and first layers alone. P is kept in
    coordinates of the stacked factors of low-rank deltas. Other tensors take the mean. A task
    whose coefficient is 0 never arrived.

    Source: NUFILT (ICLR 2026), as in the authors' code.
    """

    name: ClassVar[str] = "nufilt"
    title: ClassVar[str] = "NUFILT"
    plainly: ClassVar[str] = (
        "For tasks that come one after another: takes out of a newcomer what acts on inputs that "
        "earlier tasks use, and mends what it needs most."
    )
    main: ClassVar[str] = "filtered"
    default_coefficient: ClassVar[float] = 1.0

    filtered: int = option(
        128,
        "How many directions that earlier tasks use are closed to a newcomer.",
        label="directions closed",
        exactly="Most right singular vectors in U.",
        low=0,
        high=100_000,
        whole=True,
    )
    mended: int = option(
        0,
        "In how many of its main directions a newcomer is given back what it lost.",
        label="directions mended",
        exactly="Most right singular vectors in V: 8 in the source, 0 mends nothing.",
        low=0,
        high=100_000,
        whole=True,
    )

    @property
    def ordered(self) -> bool:
        """The order of arrival counts."""
        return True

    @property
    def carried(self) -> str:
        """P, which the merged model holds."""
        return "the merged model"

    def change(self, entries: Entries, given: Given) -> Tensor:
        """P; the mean for vectors and embedding tables."""
        if not entries.is_matrix or not entries.present:
            return entries.mean()
        rows = RowSpace.of(entries)
        first, *later = entries.present
        total = rows.delta(first)
        for task in later:
            total += self._arriving(total, rows.delta(task))
        return rows.dense(total)

    def _arriving(self, total: Tensor, delta: Tensor) -> Tensor:
        """``(out, in)`` what is added for a newcomer; it is made in the delta's place."""
        used = triplets(total, Reduction(self.filtered)).v  # (in, k)
        own = triplets(delta, Reduction())
        if self.mended and len(own.s):
            chosen = own.v[:, : self.mended]  # (in, m)
            lost = delta.double() @ (used @ (used.T @ chosen)) - total.double() @ chosen
            mend = _least_norm(own.u @ (own.u.T @ lost), chosen, used)
        else:
            mend = torch.zeros(delta.shape, dtype=torch.float64)
        mend -= (delta.double() @ used) @ used.T
        return delta.add_(mend)


def _least_norm(wanted: Tensor, chosen: Tensor, used: Tensor) -> Tensor:
    """X of least norm that minimizes ``||X V - R||^2 + ||X U||^2``.

    Args:
        wanted: ``(out, m)`` R.
        chosen: ``(in, m)`` V.
        used: ``(in, k)`` U.
    """
    both = torch.cat([chosen, used], 1)  # (in, m + k)
    inverse = torch.linalg.pinv(both.T @ both, rtol=1e-10, hermitian=True)
    return wanted @ inverse[: chosen.shape[1]] @ both.T
