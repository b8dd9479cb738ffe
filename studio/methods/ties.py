"""TIES: trim small changes, elect a sign, and merge what agrees with it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import CHUNK, DerivedVectors, Room, Vectors, pieces
from studio.methods.contract import Given, Scaled, option, scale_option
from studio.methods.kit.magnitudes import kth_magnitude
from studio.parallel import in_order

WEIGHTED, WEIGHTED_SUM = "weighted", "weighted_sum"
"""Elections by weighted deltas: divided by the sum of the agreeing weights, or by nothing."""
NO_ELECTION = "none"
_SMALLEST_DIVISOR = 1e-8


def elect_option() -> Any:
    """The field ``elect`` of a method that leaves entries out and may then elect signs."""
    return option(
        NO_ELECTION,
        "Whether tasks vote on the sign of every number, and how those that agree are joined.",
        label="vote",
        exactly="Elect no sign, or keep the entries that agree with it: their weighted mean, or "
        "their sum.",
        choices=(NO_ELECTION, WEIGHTED, WEIGHTED_SUM),
    )


def after_election(kept: Vectors, elect: str, given: Given) -> Vectors:
    """What methods kept of a tensor's deltas, all of it or what agrees with an elected sign.

    Args:
        kept: what is left of each delta.
        elect: a choice of ``elect_option``; weights are the tensor's coefficients.
        given: what the method is given.

    Source: mergekit (dare_ties, breadcrumbs_ties, della).
    """
    if elect == NO_ELECTION:
        return kept
    weights = given.weights(kept.name)
    return Shares(kept, (0.0,) * len(weights), elect, weights, majority=int)


@dataclass(frozen=True)
class Ties(Scaled):
    """base + scale sum_i c_i share_i: only large changes that agree in sign, element by element.

    Each delta keeps its largest entries; a sign is elected per element by the sum; each task's
    share is what agrees with it, divided by how many agree (mean), by nothing (sum), or by the
    sum of the agreeing coefficients (weighted); weighted and weighted_sum, which divides by
    nothing, elect on weighted deltas, a sum of exactly zero as positive.
    Over the whole model, every entry as large as the (n - int(density n))-th smallest is kept;
    per tensor, the int(density n) largest. With mean and sum an element whose sum is exactly zero
    takes the sign of the majority of all elements.

    Source: Yadav et al. 2023, TIES-Merging (arXiv 2306.01708), Sec. 4 and algorithm 1; weighted
    and weighted_sum as in mergekit with and without normalize.
    """

    name: ClassVar[str] = "ties"
    title: ClassVar[str] = "TIES"
    plainly: ClassVar[str] = (
        "Keeps each task's largest changes, lets the tasks vote on the sign of every number, "
        "and joins those that agree."
    )
    main: ClassVar[str] = "density"
    default_coefficient: ClassVar[float] = 1.0

    density: float = option(
        0.2,
        "How much of each task's change is kept; the smallest numbers go first.",
        label="share kept",
        exactly="Share of each delta's entries that is kept.",
        low=0.0,
        high=1.0,
    )
    trim: str = option(
        "global",
        "Small numbers are dropped by comparing the whole model, or every matrix by itself.",
        label="where it is kept",
        exactly="Trim over the whole model or tensor by tensor.",
        choices=("global", "tensor"),
    )
    reduce: str = option(
        "mean", (
            "How numbers that agree are joined: as a mean or a sum, with or without the tasks' "
            "weights."
        ), label='joining', exactly="How agreeing entries are combined.",
        choices=("mean", "sum", WEIGHTED, WEIGHTED_SUM),
    )  # fmt: skip
    scale: float = scale_option("One number that multiplies the weights of all tasks.")

    @property
    def derives(self) -> bool:
        """A share is no combination of whole deltas."""
        return True

    @property
    def weighs(self) -> bool:
        """Weighted signs and divisors depend on the coefficients."""
        return self.reduce in (WEIGHTED, WEIGHTED_SUM)

    @property
    def portable(self) -> bool:
        """Entries are compared and added one by one."""
        return True

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each task's share of the merged change."""
        deltas = given.deltas
        thresholds = self._thresholds(deltas)

        def trimmed(tensor: Vectors) -> Shares:
            weights = given.weights(tensor.name) if self.weighs else None
            return Shares(tensor, thresholds(tensor.name), self.reduce, weights, majority)

        def elected(name: str) -> int:
            tensor, room = trimmed(deltas.at(name)), Room()
            return sum(
                int(tensor.votes(*cut, deltas.dtype, room).sign().sum(dtype=torch.float64))
                for cut in pieces(tensor.numel, CHUNK)
            )

        lock = threading.Lock()

        @cache
        def counted() -> int:
            return sum(in_order(elected, deltas.names))

        def majority() -> int:
            with lock:
                return counted()

        return DerivedDeltas(deltas, trimmed)

    def _thresholds(self, deltas: AnyDeltas) -> Callable[[str], tuple[float, ...]]:
        """Per tensor name, the least magnitude that each task keeps."""
        n = len(deltas)

        def of(names: tuple[str, ...], task: int, more: int) -> float:
            def stream() -> Iterator[Tensor]:
                for name in names:
                    tensor = deltas.at(name)
                    for start, stop in pieces(tensor.numel, CHUNK):
                        values = tensor.delta(task, start, stop, deltas.dtype)
                        assert values is not None
                        yield values

            total = sum(deltas.at(name).numel for name in names)
            k = total - int(self.density * total)
            return kth_magnitude(stream, min(k + more, total) if k else 0, deltas.dtype)

        own = [tuple(join.shared) for join in deltas.joins]
        if self.trim == "global":
            whole = tuple(in_order(lambda task: of(own[task], task, 0), range(n)))
            return lambda name: whole

        def each(name: str) -> tuple[float, ...]:
            return tuple(of((name,), i, 1) if name in own[i] else 0.0 for i in range(n))

        return dict(zip(deltas.names, in_order(each, deltas.names), strict=True)).__getitem__


@dataclass(frozen=True)
class Shares(DerivedVectors):
    """The tasks' shares of one tensor.

    Attributes:
        thresholds: the least magnitude that each task keeps.
        reduce: how agreeing entries are combined.
        weights: per task the weight of its vote, or None for one each.
        majority: sum of all signs elected, which decides where a sum is exactly zero.
    """

    thresholds: tuple[float, ...]
    reduce: str
    weights: list[float] | None
    majority: Callable[[], int]

    def votes(self, start: int, stop: int, dtype: torch.dtype, room: Room) -> Tensor:
        """Per element, the sum whose sign is elected."""
        return self._elect(self._trimmed(start, stop, dtype, room), stop - start, dtype)

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        trimmed = self._trimmed(start, stop, dtype, room)
        votes = self._elect(trimmed, stop - start, dtype)
        if self.weights is not None:
            positive = votes >= 0
        else:
            positive = votes > 0
            undecided = votes == 0
            if bool(undecided.any()) and any(
                v is not None and bool(v[undecided].any()) for v in trimmed
            ):
                positive = positive | (undecided & (self.majority() > 0))
        agree = [
            None if v is None else torch.where(positive, v * w > 0, v * w < 0)
            for v, w in zip(trimmed, self.weights or [1.0] * len(trimmed), strict=True)
        ]
        divisor = torch.ones(stop - start, dtype=dtype)
        if self.reduce not in ("sum", WEIGHTED_SUM):
            divisor.zero_()
            for agreeing, weight in zip(agree, self.weights or [1.0] * len(agree), strict=True):
                if agreeing is not None:
                    divisor.add_(agreeing, alpha=weight)
            divisor[divisor.abs() < _SMALLEST_DIVISOR] = 1.0
        for task in self.chosen(tasks):
            vector, agreeing = trimmed[task], agree[task]
            if vector is None or agreeing is None:
                yield None
            else:
                yield vector.mul_(agreeing).div_(divisor)

    def _trimmed(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> list[Tensor | None]:
        found: list[Tensor | None] = []
        for task, delta in enumerate(self.raw.vectors(start, stop, dtype, room)):
            if delta is None:
                found.append(None)
                continue
            kept = room.take(("trimmed", task), stop - start, dtype)
            found.append(torch.mul(delta, delta.abs() >= self.thresholds[task], out=kept))
        return found

    def _elect(self, trimmed: list[Tensor | None], size: int, dtype: torch.dtype) -> Tensor:
        weights = self.weights or [1.0] * len(trimmed)
        votes = torch.zeros(size, dtype=dtype)
        for vector, weight in zip(trimmed, weights, strict=True):
            if vector is not None:
                votes.add_(vector if weight == 1.0 else vector * weight)
        return votes
