"""Whether one merge is better than another: paired differences on the rows that both have seen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studio.measure.evaluate import UNKNOWN, Evaluation
from studio.measure.intervals import NORMAL, Score


@dataclass(frozen=True)
class Change:
    """Mean change of accuracy from one model to another, on the same rows.

    Attributes:
        mean: new minus old, -1 to 1.
        half: half of its 95 % interval.
        n: rows that both have seen.
    """

    mean: float
    half: float
    n: int

    @property
    def verdict(self) -> str:
        """'better', 'worse', or 'cannot tell' if the interval holds 0."""
        if self.mean - self.half > 0:
            return "better"
        return "worse" if self.mean + self.half < 0 else "cannot tell"


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


def changes(new: Evaluation, old: Evaluation) -> dict[str, Change]:
    """The change of every task of which both have seen rows."""
    found = {}
    for name, part in new.parts.items():
        if name not in old.parts:
            continue
        after, before = new.correct(name), old.correct(name)
        both = (after != UNKNOWN) & (before != UNKNOWN)
        if both.any():
            groups = None if part.groups is None else part.groups[both]
            found[name] = paired_change((after - before)[both].astype(float), groups)
    return found


def mean_change(each: Mapping[str, Change]) -> Change:
    """The change of the mean over tasks, whose rows are independent of one another."""
    count = len(each)
    half = math.sqrt(sum(change.half**2 for change in each.values())) / count
    rows = sum(change.n for change in each.values())
    return Change(sum(change.mean for change in each.values()) / count, half, rows)


def carried_scores(last: Evaluation, now: Evaluation) -> dict[str, Score]:
    """Scores of a model that has seen few rows, from those of one that has seen them all.

    The accuracy is that of the last full pass plus the mean change on the rows already refreshed:
    what both models get right or wrong alike then adds no noise. The interval adds the variances
    of the two. A task that is refreshed whole has its own score.
    """
    own, before, change = now.scores(), last.scores(), changes(now, last)
    found = {}
    for name, score in own.items():
        if score.n == len(now.parts[name].answers) or name not in change:
            found[name] = score
            continue
        known = before[name]
        rest = 1 - change[name].n / known.n  # of the change's variance: the rows that are left
        half = math.hypot((known.high - known.low) / 2, change[name].half * math.sqrt(rest))
        middle = min(max(known.accuracy + change[name].mean, 0.0), 1.0)
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
        found[name] = Score(middle, change[name].n, low, high, "paired")
    return found
