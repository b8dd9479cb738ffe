"""What a sequence shows: ACC, BWT and FWT after each arrival, over one order or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from studio.measure.intervals import Score
from studio.measure.metrics import average_score, backward_transfer, forward_transfer, gain_kept
from studio.sequence.orders import Order
from studio.sequence.plan import SequencePlan
from studio.sequence.run import Arrival, ReferenceScores
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS, METRICS, Metric

Values = tuple[float | None, ...]
TRANSFERS = {
    ACCURACY: {"acc": "ACC", "bwt": "BWT", "fwt": "FWT"},
    AGREEMENT: {
        "agreement": "mean agreement",
        "agreement_bwt": "BWT of agreement",
        "agreement_fwt": "FWT of agreement",
    },
    LOSS: {"loss": "mean loss", "loss_bwt": "BWT of loss", "loss_fwt": "FWT of loss"},
}
"""Curves of the mean, of backward and of forward transfer, within each metric, by their titles.

Transfers are turned so that above 0 is better: a loss that rises is forgetting, too.
"""
SHAPES = ("gain", "distance", "growth", "projected")


@dataclass(frozen=True)
class Track:
    """One method through one order, as far as it has come: t = 1 to T.

    Attributes:
        label: of the method.
        order: of arrival.
        steps: the T arrivals that were merged.
        matrix: ``(T, n)`` a_i(M_t), columns in order of arrival, each in its task's metric.
        refusal: why it ended early; or empty.
        curves: by a name of ``curve_names``, T values each; None where there is no such number.
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
    return [track for label in plan.recipes for track in tracks_of(plan, found, steps, label)]


def tracks_of(
    plan: SequencePlan, found: ReferenceScores, steps: Sequence[Arrival], label: str
) -> list[Track]:
    """The steps of one method, or of what was trained in its place, order by order."""
    made = []
    for place, order in enumerate(plan.orders):
        own = [step for step in steps if (step.label, step.order) == (label, place)]
        if own:
            made.append(_track(label, order, own, found))
    return made


def spread(tracks: Sequence[Track], curve: str, t: int) -> Spread | None:
    """A curve's value after t arrivals, over the orders that have one; None if none has.

    Args:
        tracks: of one method.
        curve: one of ``curve_names``.
        t: 1 to n.
    """
    values = [
        value
        for track in tracks
        if len(track.steps) >= t
        and curve in track.curves
        and (value := track.curves[curve][t - 1]) is not None
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


def metrics_of(found: ReferenceScores) -> tuple[Metric, ...]:
    """What the tasks of a run are scored by."""
    return tuple(x for x in METRICS if any(s.metric is x for s in found.base.values()))


def curve_names(metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Every curve of a run whose tasks have these metrics."""
    return (*(name for metric in metrics for name in TRANSFERS[metric]), *SHAPES)


def _track(label: str, order: Order, steps: Sequence[Arrival], found: ReferenceScores) -> Track:
    merged = sorted((step for step in steps if not step.refusal), key=lambda step: step.t)
    refusal = next((step.refusal for step in steps if step.refusal), "")
    matrix = tuple(tuple(step.scores[name].value for name in order.tasks) for step in merged)
    shapes = [step.shape for step in merged]
    curves = _transfers(matrix, [found.base[name] for name in order.tasks]) | {
        "gain": tuple(_gain(step, order.tasks[: step.t], found) for step in merged),
        "distance": tuple(each.distance if each else None for each in shapes),
        "growth": tuple(each.growth if each else None for each in shapes),
        "projected": tuple(each.projected if each else None for each in shapes),
    }
    return Track(label, order, tuple(merged), matrix, refusal, curves)


def _transfers(matrix: Sequence[Sequence[float]], base: Sequence[Score]) -> dict[str, Values]:
    """ACC, BWT and FWT of the tasks of each metric that have arrived, after each arrival."""
    found: dict[str, Values] = {}
    values = [score.value for score in base]
    for metric in {score.metric for score in base}:
        own = [i for i, score in enumerate(base) if score.metric is metric]
        arrived = [(matrix[:t], [i for i in own if i < t]) for t in range(1, len(matrix) + 1)]
        rows = (
            tuple(average_score(steps, here) if here else None for steps, here in arrived),
            tuple(_turned(metric, backward_transfer(steps, here)) for steps, here in arrived),
            tuple(
                _turned(metric, forward_transfer(steps, values, here)) for steps, here in arrived
            ),
        )
        found |= dict(zip(TRANSFERS[metric], rows, strict=True))
    return found


def _turned(metric: Metric, change: float | None) -> float | None:
    """A change such that above 0 is better."""
    return None if change is None else metric.sign * change


def _gain(step: Arrival, arrived: Sequence[str], found: ReferenceScores) -> float | None:
    """Share of the arrived experts' gain that is kept; None for one task that may gain nothing."""
    if any(name not in found.head_only or name not in found.experts for name in arrived):
        return None
    if len(arrived) == 1:
        name = arrived[0]
        if not found.experts[name].better_than(found.head_only[name].value):
            return None
    merged, experts, floor = (
        {name: scores[name] for name in arrived}
        for scores in (step.scores, found.experts, found.head_only)
    )
    return gain_kept(merged, experts, floor)
