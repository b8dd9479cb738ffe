"""How often a merge counts a direction that its tasks share, and the merge with that put right."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.low_rank import Factors
from studio.geometry.spectra import Reduction, triplets

Delta = Tensor | Factors


@dataclass(frozen=True)
class Counted:
    """The output directions of a merged change, and how much of each every task finds in them.

    Attributes:
        u: ``(out, r)`` float64 left singular vectors of the change.
        s: ``(r,)`` float64 singular values, falling.
        projected: ``(r, in)`` float64 ``u^T change``.
        times: ``(r, n)`` float64; how often the change goes along a direction for every once that
            a task asks for it: <u_r^T change, u_r^T D_i> / ||u_r^T D_i||^2. 1 is what the task
            asks; n where n tasks share a direction and all were added; 0 for a task that has
            nothing there.
        often: ``(r,)`` float64; the same of all tasks as one: <u_r^T change, sum_i u_r^T D_i> /
            sum_i ||u_r^T D_i||^2. Of an added sum it is 1 where one task alone goes along a
            direction, n where n tasks do so alike, and 0 where they cancel.
    """

    u: Tensor
    s: Tensor
    projected: Tensor
    times: Tensor
    often: Tensor

    def factors(self, floor: float) -> Tensor:
        """``(r,)`` what the singular values are multiplied by: n / sum_i max(floor, times).

        Source: SVC, singular value calibration, as in FusionBench and the authors' code.
        """
        return self.times.shape[1] / self.times.clamp(min=floor).sum(1)

    def put_right(self, change: Tensor, floor: float) -> Tensor:
        """``(out, in)`` float64 the change with its singular values multiplied by ``factors``."""
        more = self.u * (self.factors(floor) - 1.0)
        return change.double().addmm(more, self.projected)


def counted(change: Tensor, deltas: Sequence[Delta]) -> Counted:
    """How often the directions of a merged change are counted.

    Args:
        change: ``(out, in)`` what a merge adds to the base.
        deltas: n of them, weighted as they enter the merge, dense or low-rank.
    """
    found = triplets(change, Reduction())
    projected = found.u.T @ change.double()
    times = torch.zeros(len(found.s), len(deltas), dtype=torch.float64)
    shares, energies = (torch.zeros(len(found.s), dtype=torch.float64) for _ in range(2))
    for i, delta in enumerate(deltas):
        own = _projected(found.u, delta)
        energy = own.square().sum(1)
        share = (projected * own).sum(1)
        times[:, i] = _ratio(share, energy)
        shares, energies = shares + share, energies + energy
    return Counted(found.u, found.s, projected, times, _ratio(shares, energies))


def _ratio(share: Tensor, energy: Tensor) -> Tensor:
    return torch.where(energy > 0, share / energy.where(energy > 0, 1.0), 0.0)


def _projected(u: Tensor, delta: Delta) -> Tensor:
    if isinstance(delta, Factors):
        return (u.T @ (delta.b.double() * delta.scale)) @ delta.a.double()
    return u.T @ delta.double()
