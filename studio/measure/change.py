"""Whether one merge is better than another: paired differences on the rows that both have seen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from studio.measure.evaluate import Evaluation
from studio.measure.intervals import NORMAL, Score
from studio.measure.marks import Marks
from studio.tasks.metric import ACCURACY, BOTH, LOSS, METRICS, OPTIONS, Metric, joint

_LEAST = 1e-9  # nats per token, below which a loss is none


@dataclass(frozen=True)
class Change:
    """Mean change of a metric from one model to another, on the same rows.

    Attributes:
        mean: new minus old, in the metric; a loss that falls has one below 0.
        half: half of its 95 % interval.
        n: rows that both have seen.
        metric: of both.
        old: of a loss, what it was.
    """

    mean: float
    half: float
    n: int
    metric: Metric = ACCURACY
    old: float | None = None

    @property
    def gain(self) -> float:
        """The mean, turned so that above 0 is better."""
        return self.metric.sign * self.mean

    @property
    def verdict(self) -> str:
        """'better', 'worse', or 'cannot tell' if the interval holds 0."""
        if self.gain - self.half > 0:
            return "better"
        return "worse" if self.gain + self.half < 0 else "cannot tell"

    @property
    def shown(self) -> str:
        """The mean and half of its interval, for people, without the unit."""
        return self.metric.difference(self.mean, self.half)

    @property
    def words(self) -> str:
        """The same with the unit."""
        return f"{self.shown} {self.metric.unit}"

    @property
    def relative(self) -> "Change":
        """The change as such of tasks of several metrics are joined, better above 0.

        That of an accuracy as it is, that of a loss as a share of what the loss was.
        """
        if self.metric is not LOSS:
            return self
        old = max(self.old or 0.0, _LEAST)
        return Change(-self.mean / old, self.half / old, self.n, BOTH)

    def plain(self) -> dict:
        """As JSON, with its verdict; a metric that is not accuracy is named."""
        found = {"mean": self.mean, "half": self.half, "n": self.n}
        return found | {"verdict": self.verdict} | self.named

    @property
    def named(self) -> dict[str, str]:
        """The metric's name, as JSON has it; nothing for accuracy."""
        return {} if self.metric is ACCURACY else {"metric": self.metric.name}


def paired_change(differences: np.ndarray, groups: np.ndarray | None) -> Change:
    """Mean of paired differences with a 95 % interval.

    The variance is the larger of two: Agresti and Min's for matched proportions, which half a row
    added to each cell keeps above 0 where no row has changed; and that of means over groups, where
    rows of a group may change together.

    Args:
        differences: ``(n,)`` of -1, 0 and 1, n >= 1.
        groups: ``(n,)`` labels of rows that belong together; None if rows are independent.

    Source: Agresti and Min 2005, Statistics in Medicine 24, 729-740, section 2; for groups, the
    variance of a ratio estimate, Cochran 1977, Sampling Techniques, equation 6.13.
    """
    n = len(differences)
    mean = float(differences.mean())
    up, down = float((differences > 0).sum()), float((differences < 0).sum())
    moved = (up - down) ** 2 / (n + 2)
    variance = (up + down + 1 - moved) / (n + 2) ** 2
    if groups is not None:
        _, index = np.unique(groups, return_inverse=True)
        sizes = np.bincount(index)
        totals = np.bincount(index, weights=differences) - mean * sizes
        count = len(sizes)
        if count > 1:
            variance = max(variance, float((totals**2).sum()) / n**2 * count / (count - 1))
    return Change(mean, NORMAL * math.sqrt(variance), n)


def loss_change(
    differences: np.ndarray, units: np.ndarray, groups: np.ndarray | None, old: float
) -> Change:
    """Change of a loss with a 95 % interval, from paired differences of documents.

    The interval is that of a ratio estimate: the sum of nats by the sum of units. One document
    shows no spread; half its interval is then the change itself, which tells nothing.

    Args:
        differences: ``(n,)`` nats, new minus old, n >= 1.
        units: ``(n,)`` what they are shared among.
        groups: ``(n,)`` labels of documents that belong together; None if independent.
        old: loss before.

    Source: Cochran 1977, Sampling Techniques, equation 6.13.
    """
    whole, n = float(units.sum()), len(differences)
    mean = float(differences.sum()) / whole
    _, index = np.unique(np.arange(n) if groups is None else groups, return_inverse=True)
    totals = np.bincount(index, weights=differences - mean * units)
    count = len(totals)
    if count == 1:
        return Change(mean, abs(mean), n, LOSS, old)
    variance = float((totals**2).sum()) / whole**2 * count / (count - 1)
    return Change(mean, NORMAL * math.sqrt(variance), n, LOSS, old)


def change_of(new: Marks, old: Marks, groups: np.ndarray | None) -> Change:
    """The change from one model's marks to another's on the same questions, all of them asked."""
    differences = new.values - old.values
    if new.metric in OPTIONS:
        return replace(paired_change(differences, groups), metric=new.metric)
    assert new.units is not None
    return loss_change(differences, new.units, groups, float(old.values.sum() / new.units.sum()))


def changes(new: Evaluation, old: Evaluation) -> dict[str, Change]:
    """The change of every task of which both have seen rows."""
    found = {}
    for name, part in new.parts.items():
        if name not in old.parts:
            continue
        after, before = new.marks(name), old.marks(name)
        both = after.seen & before.seen
        if both.any():
            groups = None if part.groups is None else part.groups[both]
            found[name] = change_of(after.at(both), before.at(both), groups)
    return found


def mean_change(each: Mapping[str, Change]) -> Change:
    """The change of the mean over tasks, whose rows are independent of one another.

    Where tasks have different metrics, their relative changes are meant, better above 0: a point
    of accuracy counts as a percent of a loss.
    """
    metric = joint(change.metric for change in each.values())
    found = [x if metric is not BOTH else x.relative for x in each.values()]
    count = len(found)
    half = math.sqrt(sum(change.half**2 for change in found)) / count
    rows = sum(change.n for change in found)
    known = [change.old for change in found if change.old is not None]
    old = sum(known) / count if len(known) == count else None
    return Change(sum(change.mean for change in found) / count, half, rows, metric, old)


def mean_changes(each: Mapping[str, Change]) -> tuple[Change, ...]:
    """The change of the mean over tasks, within each metric that there is."""
    own = [{n: x for n, x in each.items() if x.metric is metric} for metric in METRICS]
    return tuple(mean_change(changes) for changes in own if changes)


def change_words(each: Mapping[str, Change]) -> str:
    """The mean changes with their units, for people; by name where there are several metrics."""
    found = mean_changes(each)
    if len(found) == 1:
        return found[0].words
    return " and ".join(f"{change.metric.name} {change.words}" for change in found)


def carried_scores(last: Evaluation, now: Evaluation) -> dict[str, Score]:
    """Scores of a model that has seen few rows, from those of one that has seen them all.

    The value is that of the last full pass plus the mean change on the rows already refreshed:
    what both models get right or wrong alike then adds no noise. The interval adds the variances
    of the two. A task that is refreshed whole has its own score. What stands beside an accuracy is
    that of the rows already refreshed.
    """
    own, before, change = now.scores(), last.scores(), changes(now, last)
    found = {}
    for name, score in own.items():
        if score.n == len(now.parts[name].answers) or name not in change:
            found[name] = score
            continue
        found[name] = replace(_carried(before[name], change[name]), besides=score.besides)
    return found


def _carried(known: Score, change: Change) -> Score:
    metric, rest = known.metric, 1 - change.n / known.n  # of the variance: rows that are left
    half = math.hypot(known.half, change.half * math.sqrt(rest))
    middle = metric.within(known.value + change.mean)
    bits = known.bits_per_byte
    if bits is not None:  # in the same relation to the nats of the same texts
        bits *= middle / max(known.value, _LEAST)
    low, high = metric.within(middle - half), metric.within(middle + half)
    return replace(
        known, value=middle, n=change.n, low=low, high=high, interval="paired", bits_per_byte=bits
    )
