"""EMR: one change for all tasks, of which each takes the entries that agree with it, rescaled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import CHUNK, DerivedVectors, Room, pieces
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Given, Method
from studio.parallel import in_order


@dataclass(frozen=True)
class Emr(Method):
    """base + sum_i c_i l_i mask_i u, with u = gamma max over agreeing j of |delta_j| per element.

    gamma is the sign of sum_j delta_j, a sum of zero counting as negative; mask_i holds where
    delta_i has that sign; l_i brings the masked u to task i's mean magnitude over the model. The
    source merges no weights: it keeps u once, and for each task a bit per element and one number,
    and puts the task's own model together when the task is asked for. That model is this recipe
    with the task's coefficient at 1 and all others at 0, so a bundle of n tasks is the recipe at
    n settings of its sliders. One model for all is a mixture of those, which the source does not
    promise anything of.

    Source: Huang et al. 2024, EMR-Merging (arXiv 2405.17461), Sec. 3, as in FusionBench.
    """

    name: ClassVar[str] = "emr"
    title: ClassVar[str] = "EMR"
    plainly: ClassVar[str] = (
        "Makes one change for all tasks and gives each task the numbers of it that point its way; "
        "one slider at 1 alone is that task's model."
    )
    default_coefficient: ClassVar[float] = 0.3

    @property
    def derives(self) -> bool:
        """A masked change is no combination of whole deltas."""
        return True

    def components(self, n: int, gram: Grams) -> Basis:
        """Each task's masked and rescaled part of the one change."""
        return identity(n)

    def vectors(self, given: Given) -> DerivedDeltas:
        """The parts."""
        deltas, ones = given.deltas, (1.0,) * len(given.deltas)
        scales = tuple(own / part if part else 0.0 for own, part in _magnitudes(deltas, ones))
        return DerivedDeltas(deltas, lambda raw: _Masked(raw, scales))


@dataclass(frozen=True)
class _Masked(DerivedVectors):
    """The tasks' parts of the one change of a tensor.

    Attributes:
        scales: one per task.
    """

    scales: tuple[float, ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        chosen, size = self.chosen(tasks), stop - start
        whole, positive = self._whole(start, stop, dtype, room)
        part = room.take("part", size, dtype)
        for task, delta in zip(
            chosen, self.raw.vectors(start, stop, dtype, room, chosen), strict=True
        ):
            if delta is None:
                yield None
            else:
                agrees = torch.where(positive, delta > 0, delta < 0)
                yield torch.mul(whole, agrees, out=part).mul_(self.scales[task])

    def _whole(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> tuple[Tensor, Tensor]:
        """The one change, and where its sign is positive."""
        size = stop - start
        total = room.take("sum", size, dtype).zero_()
        high, low = (room.take(use, size, dtype).zero_() for use in ("high", "low"))
        for delta in self.raw.vectors(start, stop, dtype, room):
            if delta is not None:
                total.add_(delta)
                torch.maximum(high, delta, out=high)
                torch.minimum(low, delta, out=low)
        positive = total > 0
        return torch.where(positive, high, low), positive


def _magnitudes(deltas: AnyDeltas, ones: tuple[float, ...]) -> list[tuple[float, float]]:
    """Per task the sums of |delta_i| and of |mask_i u| over the model."""

    def of(name: str) -> Tensor:
        raw, sums = deltas.at(name), torch.zeros(len(ones), 2, dtype=torch.float64)
        masked = _Masked(raw, ones)
        for start, stop in pieces(raw.numel, CHUNK):
            for column, vectors in enumerate((raw, masked)):
                found = vectors.vectors(start, stop, deltas.dtype, Room())
                for task, vector in enumerate(found):
                    if vector is not None:
                        sums[task, column] += vector.abs().sum(dtype=torch.float64)
        return sums

    total = torch.zeros(len(ones), 2, dtype=torch.float64)
    for each in in_order(of, deltas.names):
        total += each
    return [(float(own), float(part)) for own, part in total]
