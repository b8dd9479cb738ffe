"""Metrics: what a task is scored by, whether more of it is better, and how it is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Metric:
    """What scores are made of.

    Attributes:
        name: in words and in files.
        sign: 1 where more is better, -1 where less is.
        unit: of a difference.
        short: the same where there is little room.
        limits: lowest and highest value that there can be.
        percent: whether values are shares, written in percent.
    """

    name: str
    sign: int
    unit: str
    short: str
    limits: tuple[float, float]
    percent: bool

    def shown(self, value: float) -> str:
        """A value, for people."""
        return f"{value:.1%}" if self.percent else f"{value:.3f}"

    def span(self, low: float, high: float) -> str:
        """An interval, for people."""
        return f"{self.shown(low)} to {self.shown(high)}"

    def amount(self, size: float) -> str:
        """A size without sign, such as half of an interval, in ``unit`` but without it."""
        return f"{100 * size:.1f}" if self.percent else f"{size:.3f}"

    def difference(self, mean: float, half: float | None = None) -> str:
        """A difference with its sign and, if given, half of its interval, without ``unit``."""
        sign = f"{100 * mean + 0.0:+.1f}" if self.percent else f"{mean + 0.0:+.3f}"
        return sign if half is None else f"{sign} ± {self.amount(half)}"

    def within(self, value: float) -> float:
        """The nearest value that there can be."""
        return min(max(value, self.limits[0]), self.limits[1])


ACCURACY = Metric("accuracy", 1, "points", "points", (0.0, 1.0), percent=True)
"""Share of questions whose right option is the likeliest."""
AGREEMENT = Metric("agreement", 1, "points", "points", (0.0, 1.0), percent=True)
"""Share of questions whose likeliest option is the task's own expert's: of rows without labels."""
AGREEMENT_WORDS = "Agreement is with each task's own expert, on rows without labels: no accuracy."
LOSS = Metric("loss", -1, "nats per token", "nats", (0.0, inf), percent=False)
"""Mean negative log-likelihood of what a text says; perplexity is its exponential."""

BOTH = Metric(
    "accuracy and loss", 1, "points, or percent of a loss,", "points", (-inf, inf), percent=True
)
"""Changes of tasks of both metrics together: a point of accuracy counts as a percent of a loss."""
SHARES = Metric("accuracy and agreement", 1, "points", "points", (-inf, inf), percent=True)
"""Changes of tasks of both; a point of one counts as a point of the other."""
METRICS = (ACCURACY, AGREEMENT, LOSS)
OPTIONS = (ACCURACY, AGREEMENT)
"""Those of questions with options, each of which is answered rightly or not."""


def perplexity_words(value: float) -> str:
    """A perplexity for people: three digits, from a hundred on whole, and no powers of ten."""
    if value >= 1e9:
        return "over a billion"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def joint(metrics: Iterable[Metric]) -> Metric:
    """The one that all have, or one of several together; accuracy if there are none."""
    found = set(metrics)
    if len(found) == 1:
        return found.pop()
    if found <= {ACCURACY, AGREEMENT}:
        return SHARES if found else ACCURACY
    return BOTH
