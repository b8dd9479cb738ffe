"""What a lesson needs to know of a zoo: its deltas' lengths and angles, and who gains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import acos, degrees, prod

from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.methods import METHODS
from studio.methods.contract import numbers
from studio.recipe import DEFAULT_METHOD
from studio.tasks.metric import LOSS

MAIN = METHODS[DEFAULT_METHOD].main
"""The option of the default method that says how much of what tasks share is taken out."""
TAKEN_OUT = numbers(METHODS[DEFAULT_METHOD])[MAIN]["label"]
"""What the page calls that option."""
_LEAST = 1e-9  # nats per token, below which a loss is none
Two = tuple[str, str]


@dataclass(frozen=True)
class ZooFacts:
    """The open zoo, as far as a lesson speaks of it.

    Attributes:
        tasks: that may be merged, in the zoo's order.
        lengths: {task: length of its delta}.
        cosines: {(task, task): cosine of their deltas}, of each two in the zoo's order.
        numbers: of a model, that some delta changes.
        scored: tasks that have rows, in the zoo's order.
        experts: each task by its own checkpoint, as far as known.
        base: by the untouched base with the experts' heads, as far as known.
        start: what every coefficient of the default method starts at.
    """

    tasks: tuple[str, ...]
    lengths: Mapping[str, float]
    cosines: Mapping[Two, float]
    numbers: int
    scored: tuple[str, ...]
    experts: Mapping[str, Score]
    base: Mapping[str, Score]
    start: float

    @property
    def near(self) -> Two | None:
        """The two whose deltas are most alike, of those with rows if there are two such."""
        pairs = self._pairs()
        return max(pairs, key=lambda pair: pairs[pair]) if pairs else None

    @property
    def apart(self) -> Two | None:
        """The two whose deltas have least to do with one another."""
        pairs = self._pairs()
        return min(pairs, key=lambda pair: abs(pairs[pair])) if pairs else None

    @property
    def against(self) -> Two | None:
        """The two whose deltas point most against one another."""
        pairs = self._pairs()
        return min(pairs, key=lambda pair: pairs[pair]) if pairs else None

    @property
    def first(self) -> str:
        """The task that a lesson begins with: the first of the two that are most alike."""
        return self.near[0] if self.near else self.tasks[0]

    @property
    def known(self) -> bool:
        """Whether experts and base are scored."""
        return bool(self.scored) and {*self.scored} <= {*self.experts} & {*self.base}

    @property
    def strong(self) -> str:
        """The task that gains most over the base, of those that others come after; or empty."""
        if not self.known:
            return ""
        found = {name: self.gain(name) for name in self.scored if name != self.tasks[-1]}
        return max(found, key=lambda name: found[name]) if found else ""

    def cosine(self, one: str, other: str) -> float:
        """Of two tasks' deltas, whichever is named first."""
        return self.cosines[(one, other) if (one, other) in self.cosines else (other, one)]

    def angle(self, one: str, other: str) -> float:
        """Degrees between two tasks' deltas."""
        return degrees(acos(max(-1.0, min(1.0, self.cosine(one, other)))))

    def gain(self, task: str) -> float:
        """What an expert gains over the base: a share, of a loss as a share of the base's."""
        own, floor = self.experts[task], self.base[task]
        if own.metric is LOSS:
            return (floor.value - own.value) / max(floor.value, _LEAST)
        return own.metric.sign * (own.value - floor.value)

    def _pairs(self) -> Mapping[Two, float]:
        scored = {p: x for p, x in self.cosines.items() if {*p} <= {*self.scored}}
        return scored or self.cosines


def facts_of(
    bench: Bench, experts: Mapping[str, Score], base: Mapping[str, Score], tasks: Sequence[str]
) -> ZooFacts | None:
    """What is known of a zoo without any work; None until its inner products are.

    Args:
        bench: the zoo, opened.
        experts: each task by its own checkpoint, as far as known.
        base: by the untouched base, as far as known.
        tasks: that may be merged; only they are spoken of.
    """
    if "gram" not in vars(bench) or not tasks:
        return None
    every = bench.gram.tasks
    places = {name: place for place, name in enumerate(every) if name in tasks}
    total, cosines = bench.gram.total(), bench.gram.cosine()
    entries = bench.base.weights.entries
    return ZooFacts(
        tuple(places),
        {name: float(total[i, i].clamp(min=0).sqrt()) for name, i in places.items()},
        {
            (one, other): float(cosines[places[one], places[other]])
            for other in places
            for one in places
            if places[one] < places[other]
        },
        sum(prod(entries[name].shape) for name in bench.gram.names),
        tuple(name for name in places if name in bench.scored()),
        {name: score for name, score in experts.items() if name in places},
        {name: score for name, score in base.items() if name in places},
        METHODS[DEFAULT_METHOD].starting_coefficient(len(every)),
    )
