"""A score: accuracy or loss with its number of rows and a 95 % interval."""

import math
from dataclasses import dataclass

import numpy as np

from studio.tasks.metric import ACCURACY, LOSS, Metric, perplexity_words

NORMAL = 1.959963984540054  # the normal distribution's 97.5 % point
_RESAMPLES, _SLICES = 2000, 20


@dataclass(frozen=True)
class Share:
    """A ratio of two sums over questions, such as an F1.

    Attributes:
        name: what people call it.
        value: 0 to 1.
        low: lower end of the 95 % interval.
        high: upper end.
        interval: as a score's.
    """

    name: str
    value: float
    low: float
    high: float
    interval: str

    @property
    def shown(self) -> str:
        """Name, value and interval, for people."""
        span = ACCURACY.span(self.low, self.high)
        return f"{self.name} {ACCURACY.shown(self.value)} ({span})"

    def plain(self) -> dict:
        """As JSON, without its name."""
        own = {"value": self.value, "low": self.low, "high": self.high}
        return own | {"interval": self.interval}


@dataclass(frozen=True)
class Score:
    """What a model scores on some rows.

    Attributes:
        value: in the metric: share of questions that are right, 0 to 1, or nats per token.
        n: rows, or the documents of a loss.
        low: lower end of the 95 % interval.
        high: upper end.
        interval: 'wilson' (over rows), 'cluster-bootstrap' (over groups of rows), 'bootstrap' (of a
            loss, over documents or groups of them), 'one document' (of a loss, from 0 to twice the
            value, since one shows no spread), or 'paired' (the last full pass and the change
            since).
        metric: what the value is.
        bits_per_byte: of a loss: of the texts as they are written, whatever the vocabulary.
        besides: of an accuracy: other shares of the same answers.
    """

    value: float
    n: int
    low: float
    high: float
    interval: str
    metric: Metric = ACCURACY
    bits_per_byte: float | None = None
    besides: tuple[Share, ...] = ()

    @property
    def half(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2

    @property
    def best(self) -> float:
        """The better end of the interval."""
        return self.high if self.metric.sign > 0 else self.low

    @property
    def worst(self) -> float:
        """The worse end of the interval."""
        return self.low if self.metric.sign > 0 else self.high

    @property
    def shown(self) -> str:
        """The value, for people."""
        return self.metric.shown(self.value)

    @property
    def span(self) -> str:
        """The interval, for people."""
        return self.metric.span(self.low, self.high)

    @property
    def perplexity(self) -> float | None:
        """Of a loss: how many tokens it is as unsure between; None of another metric."""
        return math.exp(self.value) if self.metric is LOSS else None

    @property
    def more(self) -> str:
        """What stands beside the value, for people; empty if nothing does."""
        found = [each.shown for each in self.besides]
        if self.perplexity is not None:
            found.append(f"perplexity {perplexity_words(self.perplexity)}")
        if self.bits_per_byte is not None:
            found.append(f"{self.bits_per_byte:.3f} bits per byte")
        return ", ".join(found)

    def better_than(self, value: float) -> bool:
        """Whether the whole interval is better than a value of the same metric."""
        return self.metric.sign * (self.worst - value) > 0

    def worse_than(self, value: float) -> bool:
        """Whether the value and the whole interval are worse than a value of the same metric."""
        sign = self.metric.sign
        return max(sign * self.best, sign * self.value) < sign * value

    def plain(self) -> dict:
        """As JSON: the value under its metric's name, a loss also in bits per byte."""
        found: dict = {self.metric.name: self.value}
        if self.bits_per_byte is not None:
            found["bits_per_byte"] = self.bits_per_byte
        found |= {"n": self.n, "low": self.low, "high": self.high, "interval": self.interval}
        besides = {each.name: each.plain() for each in self.besides}
        return found | ({"besides": besides} if besides else {})


def score(correct: np.ndarray, groups: np.ndarray | None) -> Score:
    """Accuracy with its interval.

    Args:
        correct: ``(n,)`` of 0 and 1, n >= 1.
        groups: ``(n,)`` labels of rows that belong together; None if rows are independent.
    """
    right, n = int(correct.sum()), len(correct)
    if groups is not None:
        return Score(right / n, n, *_clustered(correct, np.ones(n), groups))
    return Score(right / n, n, *wilson(right, n), "wilson")


def share(name: str, sums: np.ndarray, groups: np.ndarray | None) -> Share | None:
    """A ratio of two sums over questions, with its interval; None where the lower one is 0.

    Args:
        name: what people call it.
        sums: ``(n, 2)`` what each question adds to the upper and to the lower sum.
        groups: ``(n,)`` labels of questions that belong together; None if they are independent.
    """
    above, below = sums.T
    if not below.any():
        return None
    value, n = float(above.sum() / below.sum()), len(sums)
    if groups is None and (below == 1).all():
        return Share(name, value, *wilson(above.sum(), n), "wilson")
    return Share(name, value, *_clustered(above, below, np.arange(n) if groups is None else groups))


def _clustered(
    above: np.ndarray, below: np.ndarray, groups: np.ndarray
) -> tuple[float, float, str]:
    """Interval of a ratio over groups, and what it is called."""
    low, high = ratio_bootstrap(above, below, groups)
    if low < high:
        return low, high, "cluster-bootstrap"
    clusters = len(np.unique(groups[below > 0]))  # all or nothing: resampling sees no spread
    return *wilson(above.sum() / below.sum() * clusters, clusters), "wilson"


def loss_score(
    nats: np.ndarray, units: np.ndarray, sizes: np.ndarray, groups: np.ndarray | None
) -> Score:
    """Loss of some documents with its interval: the sum of nats by the sum of units.

    Args:
        nats: ``(n,)`` of each document, n >= 1.
        units: ``(n,)`` what they are shared among, such as tokens that count.
        sizes: ``(n,)`` bytes of the texts that they are of.
        groups: ``(n,)`` labels of documents that belong together; None if independent.
    """
    total, n = float(nats.sum()), len(nats)
    value, bits = total / float(units.sum()), total / math.log(2) / float(sizes.sum())
    apart = np.arange(n) if groups is None else groups
    if len(np.unique(apart)) == 1:
        return Score(value, n, 0.0, 2 * value, "one document", LOSS, bits)
    low, high = ratio_bootstrap(nats, units, apart)
    return Score(value, n, low, high, "bootstrap", LOSS, bits)


def wilson(right: float, n: int) -> tuple[float, float]:
    """95 % interval of a share.

    Args:
        right: successes, 0 to n.
        n: trials, at least 1.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.
    """
    share, square = right / n, NORMAL * NORMAL / n
    middle = (share + square / 2) / (1 + square)
    half = NORMAL / (1 + square) * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_bootstrap(
    values: np.ndarray, units: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """95 % percentile interval of a ratio of sums when whole groups are resampled (seed 0).

    Args:
        values: ``(n,)`` that are summed.
        units: ``(n,)`` whose sum they are divided by; draws in which it is 0 do not count.
        groups: ``(n,)`` labels of what belongs together.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    _, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index, weights=units)
    totals = np.bincount(index, weights=values)
    generator, shares = np.random.default_rng(0), []
    for _ in range(_SLICES):
        drawn = generator.integers(0, len(sizes), (_RESAMPLES // _SLICES, len(sizes)), np.int32)
        above, below = totals[drawn].sum(1), sizes[drawn].sum(1)
        shares.append(above[below > 0] / below[below > 0])
    low, high = np.percentile(np.concatenate(shares), [2.5, 97.5])
    return float(low), float(high)
