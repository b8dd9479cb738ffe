"""PCB: every number is weighed by how much its task needs it and how far the others agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import CHUNK, DerivedVectors, Room, Vectors, pieces
from studio.methods.contract import Given, Scaled, option, scale_option
from studio.methods.kit.magnitudes import kth_values

_CLIPPED = 1e-4  # share of entries whose magnitudes are clipped at both ends, the reference's
_LEAST_DIVISOR = 1e-12  # the reference's


@dataclass(frozen=True)
class Pcb(Scaled):
    """base + scale sum_i c_i w_i d_i / sum_j w_j, element by element, w_i from 0 to 1.

    d_i is delta_i with its magnitudes clipped at their outermost ten-thousandths, a_i its
    magnitudes brought to 0 to 1 over the whole model, and b_i = exp(n a_i^2)
    tanh(delta_i sum_j delta_j): large where task i changes a number much (intra-balancing) and
    the others pull the same way (inter-balancing). w_i is 0 up to the (1 - density)-quantile of
    b_i over all of task i's entries, and rises in a line to 1 at the largest. Two passes for the
    magnitudes and two for b_i, each over all deltas, before the merge itself.

    Source: Du et al. 2024, Parameter competition balancing (arXiv 2410.02396), as its code.
    """

    name: ClassVar[str] = "pcb"
    title: ClassVar[str] = "PCB"
    plainly: ClassVar[str] = (
        "Lets tasks compete for every number: those that change it much and pull the same way as "
        "the others get more of it."
    )
    main: ClassVar[str] = "density"
    default_coefficient: ClassVar[float] = 1.0

    density: float = option(
        0.1,
        "How many of each task's numbers take part, those that win the competition first.",
        label="share kept",
        exactly="Share of a task's entries that get a weight above 0.",
        low=0.0,
        high=1.0,
    )
    scale: float = scale_option("One number that multiplies the weights of all tasks.")

    @property
    def derives(self) -> bool:
        """A share is no combination of whole deltas."""
        return True

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each task's share of the merged change."""
        deltas = given.deltas
        limits = [Limits()] * len(deltas)
        limits = [Limits(*ends) for ends in _found(deltas, limits, _magnitudes, _outer)]
        ends = _found(deltas, limits, _Balanced.balances, self._inner)
        limits = [
            Limits(limit.low, limit.high, *pair) for limit, pair in zip(limits, ends, strict=True)
        ]
        return DerivedDeltas(deltas, lambda raw: _Balanced(raw, tuple(limits)))

    def _inner(self, count: int) -> tuple[int, int]:
        """Ranks of the least balance with a weight above 0 and of the largest."""
        return min(int(count * (1 - self.density)) + 1, count), count


@dataclass(frozen=True)
class Limits:
    """Between which values one task's magnitudes are clipped, and its balances are weighed."""

    low: float = 0.0
    high: float = 0.0
    least: float = 0.0
    most: float = 0.0


@dataclass(frozen=True)
class _Balanced(DerivedVectors):
    """The deltas of one tensor, clipped and weighed.

    Attributes:
        limits: one per task.
    """

    limits: tuple[Limits, ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        deltas = _held(self.raw, start, stop, dtype, room)
        weights = [
            None if balance is None or delta is None else _weight(balance, delta, limit)
            for balance, delta, limit in zip(
                self.balances(start, stop, dtype, room), deltas, self.limits, strict=True
            )
        ]
        divisor = torch.zeros(stop - start, dtype=dtype)
        for weight in weights:
            if weight is not None:
                divisor.add_(weight)
        divisor.clamp_(min=_LEAST_DIVISOR)
        for task in self.chosen(tasks):
            delta, weight, limit = deltas[task], weights[task], self.limits[task]
            if delta is None or weight is None:
                yield None
            else:
                clipped = delta.abs().clamp_(limit.low, limit.high).mul_(delta.sign())
                yield clipped.mul_(weight).div_(divisor)

    def balances(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> list[Tensor | None]:
        """Per task the b_i of some elements."""
        deltas = _held(self.raw, start, stop, dtype, room)
        total = torch.zeros(stop - start, dtype=dtype)
        for delta in deltas:
            if delta is not None:
                total.add_(delta)
        found: list[Tensor | None] = []
        for delta, limit in zip(deltas, self.limits, strict=True):
            if delta is None:
                found.append(None)
                continue
            own, span = delta.abs().clamp_(limit.low, limit.high), limit.high - limit.low
            own = own.sub_(limit.low).div_(span) if span else own.fill_(1.0)
            own = own.square_().mul_(len(deltas)).exp_()
            found.append(own.mul_(torch.tanh(delta * total)))
        return found


def _weight(balance: Tensor, delta: Tensor, limit: Limits) -> Tensor:
    """From 0 at the least balance that counts to 1 at the largest."""
    span = limit.most - limit.least
    if span > 0:
        return balance.clamp(min=limit.least).sub_(limit.least).div_(span)
    return ((balance >= limit.least) & (delta != 0)).to(balance.dtype)


def _held(
    raw: Vectors, start: int, stop: int, dtype: torch.dtype, room: Room
) -> list[Tensor | None]:
    """All tasks' elements at once."""
    found: list[Tensor | None] = []
    for task, delta in enumerate(raw.vectors(start, stop, dtype, room)):
        kept = None
        if delta is not None:
            kept = room.take(("held", task), stop - start, dtype).copy_(delta)
        found.append(kept)
    return found


def _magnitudes(
    vectors: _Balanced, start: int, stop: int, dtype: torch.dtype, room: Room
) -> list[Tensor | None]:
    held = _held(vectors.raw, start, stop, dtype, room)
    return [None if each is None else each.abs() for each in held]


def _outer(count: int) -> tuple[int, int]:
    """Ranks of the magnitudes at which the outermost ones are clipped, as the reference's."""
    return int(count * _CLIPPED) + 1, max(int(count * (1 - _CLIPPED) - 1) + 1, 1)


def _found(
    deltas: AnyDeltas,
    limits: Sequence[Limits],
    of: Callable[[_Balanced, int, int, torch.dtype, Room], list[Tensor | None]],
    ranks: Callable[[int], tuple[int, int]],
) -> list[tuple[float, float]]:
    """Per task the values of two ranks of what is computed of its elements."""
    n, dtype, entries = len(deltas), deltas.dtype, deltas.base.weights.entries
    own = [{*deltas.names} & {*join.shared} for join in deltas.joins]
    counts = [sum(entries[name].numel for name in names) for names in own]

    def stream() -> Iterator[list[Tensor | None]]:
        for name in deltas.names:
            tensor, room = _Balanced(deltas.at(name), tuple(limits)), Room()
            for start, stop in pieces(tensor.numel, CHUNK):
                found = of(tensor, start, stop, dtype, room)
                yield [*found, *found]

    lows, highs = zip(*(ranks(count) if count else (0, 0) for count in counts), strict=True)
    values = kth_values(stream, (*lows, *highs), dtype)
    return list(zip(values[:n], values[n:], strict=True))
