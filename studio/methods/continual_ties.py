"""Continual TIES: each task that arrives is merged by TIES with the sum of those before it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import CHUNK, Dense, Room, pieces
from studio.device import resident_limit
from studio.errors import StudioError
from studio.methods.contract import Given, option
from studio.methods.kit.magnitudes import kth_magnitude
from studio.methods.opcm import arrived
from studio.methods.ties import Shares
from studio.methods.whole import Entries, Whole
from studio.parallel import in_order
from studio.recipe import Option


@dataclass(frozen=True)
class ContinualTies(Whole):
    """base + scale S, with S = step c_1 delta_1 and then S = S + step TIES(S, c_i delta_i).

    TIES trims both over the whole model, elects signs and adds what agrees, as ``ties`` does of
    two tasks with 'global' trimming. What is in S already is so counted again with every task
    that arrives, as in the reference. S is held in memory, one model in the compute dtype. A task
    whose coefficients are all 0 never arrived.

    Source: the continual TIES baseline of OPCM (arXiv 2501.09522), defaults as in FusionBench;
    TIES: Yadav et al. 2023 (arXiv 2306.01708), algorithm 1.
    """

    name: ClassVar[str] = "continual_ties"
    title: ClassVar[str] = "Continual TIES"
    plainly: ClassVar[str] = (
        "TIES for tasks that come one after another: what is there already votes with the newcomer."
    )
    main: ClassVar[str] = "density"
    default_coefficient: ClassVar[float] = 1.0

    density: float = option(
        0.2,
        "How much is kept of what is there and of the newcomer; the smallest numbers go first.",
        label="share kept",
        exactly="Share of entries that is kept of both.",
        low=0.0,
        high=1.0,
    )
    reduce: str = option(
        "sum",
        "Numbers on which both agree are added up, or their mean is taken.",
        label="joining",
        exactly="How agreeing entries are combined.",
        choices=("sum", "mean"),
    )
    step: float = option(
        0.5,
        "How much of every newcomer is added to what is there.",
        label="weight of each arrival",
        exactly="Multiplies the first delta and every TIES that is added.",
        low=-10.0,
        high=10.0,
    )

    @property
    def ordered(self) -> bool:
        """The order of arrival counts."""
        return True

    @property
    def carried(self) -> str:
        """S, which the merged model holds."""
        return "the merged model"

    @classmethod
    def starting_coefficient(cls, n: int, options: Mapping[str, Option] | None = None) -> float:
        """1/n: what is there is counted again with every arrival, and so grows with n."""
        return round(1 / max(n, 1), 2)

    def vectors(self, given: Given) -> DerivedDeltas:
        """S in the place of the deltas.

        Raises:
            StudioError: S does not fit in the memory that deltas may take.
        """
        _refuse_large(given.deltas)
        sums: dict[str, Tensor] = {}
        for task in arrived(given):
            sums = _Arrival(self, given, task, sums).added()

        def found(entries: Entries) -> Tensor:
            held = sums.get(entries.name)
            return entries.sum() if held is None else held  # no task that arrived touches it

        made = self.transform(given, lambda entries, _: found(entries))
        return DerivedDeltas(given.deltas, made, combined=True)


def _refuse_large(deltas: AnyDeltas) -> None:
    entries = deltas.base.weights.entries
    need = sum(entries[name].numel for name in deltas.names) * deltas.dtype.itemsize
    if need > (limit := resident_limit()):
        raise StudioError(
            f"Continual TIES trims over the whole model and holds the sum of the tasks in memory, "
            f"which takes {need:,} bytes; {limit:,} may be taken. Close other programs, use a "
            "larger machine, or choose a method that goes tensor by tensor, such as opcm."
        )


class _Arrival:
    """One task that meets the sum of those before it."""

    def __init__(
        self, method: ContinualTies, given: Given, task: int, sums: dict[str, Tensor]
    ) -> None:
        self._method, self._given, self._task, self._sums = method, given, task, sums
        self._dtype = given.deltas.dtype
        shared = given.deltas.joins[task].shared
        self._own = tuple(name for name in sorted(shared) if given.weights(name)[task])

    def added(self) -> dict[str, Tensor]:
        """The sums with this task; the old ones are overwritten."""
        step = self._method.step
        if not self._sums:
            first = in_order(lambda name: self._delta(name).mul_(step), self._own)
            return dict(zip(self._own, first, strict=True))
        names = tuple(sorted({*self._sums, *self._own}))
        thresholds = (
            self._threshold(self._sums.__getitem__, tuple(self._sums)),
            self._threshold(self._delta, self._own),
        )
        votes = in_order(lambda name: self._votes(self._pair(name, thresholds, 0)), names)
        majority = sum(votes)

        def add(name: str) -> Tensor:
            pair, room = self._pair(name, thresholds, majority), Room()
            total = self._sums.get(name)
            total = torch.zeros(pair.numel, dtype=self._dtype) if total is None else total
            for start, stop in pieces(pair.numel, CHUNK):
                for share in pair.vectors(start, stop, self._dtype, room):
                    if share is not None:
                        total[start:stop].add_(share, alpha=step)
            return total

        return dict(zip(names, in_order(add, names), strict=True))

    def _delta(self, name: str) -> Tensor:
        """The task's weighted delta of one tensor, flat and dense."""
        given = self._given
        found = Entries(given.deltas.at(name), given.weights(name), self._dtype).delta(self._task)
        assert found is not None
        return found.view(-1)

    def _threshold(self, values: Callable[[str], Tensor], names: tuple[str, ...]) -> float:
        """The least magnitude that is kept over some tensors."""
        entries = self._given.deltas.base.weights.entries
        total = sum(entries[name].numel for name in names)

        def stream() -> Iterator[Tensor]:
            for name in names:
                whole = values(name)
                for start, stop in pieces(len(whole), CHUNK):
                    yield whole[start:stop]

        return kth_magnitude(stream, total - int(self._method.density * total), self._dtype)

    def _pair(self, name: str, thresholds: tuple[float, float], majority: int) -> Shares:
        """The sum so far and the newcomer's delta of one tensor, to be merged by TIES."""
        tensor = self._given.deltas.at(name)
        total = self._sums.get(name)
        delta = self._delta(name) if name in self._own else None
        both = Dense(name, tensor.shape, tensor.base, (total, delta))
        return Shares(both, thresholds, self._method.reduce, None, lambda: majority)

    def _votes(self, pair: Shares) -> int:
        """How many more elements of one tensor elect plus than minus."""
        room = Room()
        return sum(
            int(pair.votes(*cut, self._dtype, room).sign().sum(dtype=torch.float64))
            for cut in pieces(pair.numel, CHUNK)
        )
