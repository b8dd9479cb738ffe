"""What a sequence shows: ACC, BWT and FWT after each arrival, over one order or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from studio.measure.intervals import Score
from studio.measure.metrics import average_accuracy, backward_transfer, forward_transfer, gain_kept
from studio.sequence.orders import Order
from studio.sequence.plan import SequencePlan
from studio.sequence.run import Arrival, ReferenceScores

Values = tuple[float | None, ...]
CURVES = ("acc", "bwt", "fwt", "gain", "distance", "growth", "projected")


@dataclass(frozen=True)
class Track:
    """One method through one order, as far as it has come: t = 1 to T.

    Attributes:
        label: of the method.
        order: of arrival.
        steps: the T arrivals that were merged.
        matrix: ``(T, n)`` a_i(M_t), columns in order of arrival.
        refusal: why it ended early; or empty.
        curves: by a name of ``CURVES``, T values each; None where there is no such number.
    """

    label: str
    order: Order
    steps: tuple[Arrival, ...]
    matrix: tuple[tuple[float, ...], ...]
    refusal: str
    curves: Mapping[str, Values]


@dataclass(frozen=True)
class Spread:
    """A number over several orders.

    Attributes:
        mean: over them.
        deviation: sample standard deviation; None for a single order.
        orders: how many.
    """

    mean: float
    deviation: float | None
    orders: int


def tracks(plan: SequencePlan, found: ReferenceScores, steps: Sequence[Arrival]) -> list[Track]:
    """The steps of a plan, method by method and order by order; unfinished ones too."""
    made = []
    for label in plan.recipes:
        for place, order in enumerate(plan.orders):
            own = [step for step in steps if (step.label, step.order) == (label, place)]
            if own:
                made.append(_track(label, order, own, found))
    return made


def spread(tracks: Sequence[Track], curve: str, t: int) -> Spread | None:
    """A curve's value after t arrivals, over the orders that have one; None if none has.

    Args:
        tracks: of one method.
        curve: one of ``CURVES``.
        t: 1 to n.
    """
    values = [
        value
        for track in tracks
        if len(track.steps) >= t and (value := track.curves[curve][t - 1]) is not None
    ]
    if not values:
        return None
    deviation = stdev(values) if len(values) > 1 else None
    return Spread(fmean(values), deviation, len(values))


def mean_matrix(tracks: Sequence[Track]) -> list[list[float]]:
    """``(T, n)`` a_i(M_t) by place of arrival, over the orders that have come so far."""
    longest = max((len(track.steps) for track in tracks), default=0)
    rows = []
    for t in range(longest):
        reached = [track.matrix[t] for track in tracks if len(track.steps) > t]
        rows.append([fmean(column) for column in zip(*reached, strict=True)])
    return rows


def half_width(scores: Mapping[str, Score], tasks: Sequence[str]) -> float:
    """Half of the 95 % interval of a mean accuracy; the tasks' rows are independent."""
    halves = [(scores[name].high - scores[name].low) / 2 for name in tasks]
    return sqrt(sum(half * half for half in halves)) / len(halves)


def _track(label: str, order: Order, steps: Sequence[Arrival], found: ReferenceScores) -> Track:
    merged = sorted((step for step in steps if not step.refusal), key=lambda step: step.t)
    refusal = next((step.refusal for step in steps if step.refusal), "")
    matrix = tuple(tuple(step.scores[name].accuracy for name in order.tasks) for step in merged)
    shapes = [step.shape for step in merged]
    curves = _transfers(matrix, [found.base[name].accuracy for name in order.tasks]) | {
        "gain": tuple(_gain(step, order.tasks[: step.t], found) for step in merged),
        "distance": tuple(each.distance if each else None for each in shapes),
        "growth": tuple(each.growth if each else None for each in shapes),
        "projected": tuple(each.projected if each else None for each in shapes),
    }
    return Track(label, order, tuple(merged), matrix, refusal, curves)


def _transfers(matrix: Sequence[Sequence[float]], base: Sequence[float]) -> dict[str, Values]:
    """ACC, BWT and FWT of the tasks that have arrived, after each arrival."""
    counts = range(1, len(matrix) + 1)
    arrived = [[row[:t] for row in matrix[:t]] for t in counts]
    return {
        "acc": tuple(average_accuracy(steps) for steps in arrived),
        "bwt": tuple(backward_transfer(steps) if len(steps) > 1 else None for steps in arrived),
        "fwt": tuple(forward_transfer(matrix[:t], base) if t > 1 else None for t in counts),
    }


def _gain(step: Arrival, arrived: Sequence[str], found: ReferenceScores) -> float | None:
    """Share of the arrived experts' gain that is kept; None for one task that may gain nothing."""
    if any(name not in found.head_only or name not in found.experts for name in arrived):
        return None
    if len(arrived) == 1:
        name = arrived[0]
        if found.experts[name].low <= found.head_only[name].accuracy:
            return None
    merged, experts, floor = (
        {name: scores[name] for name in arrived}
        for scores in (step.scores, found.experts, found.head_only)
    )
    return gain_kept(merged, experts, floor)
