"""Tracks: a value as a bar that is longer where it is better, beside what it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from studio.measure.intervals import Score
from studio.tasks.metric import Metric

_BEYOND = 0.25  # of the way between floor and expert, that a track goes on at either end
_LEAST = 0.004  # width of an interval that is still seen


@dataclass(frozen=True)
class Track:
    """From the left, which is worst, to the right.

    Attributes:
        metric: of what stands on it.
        left: value at its left end.
        right: value at its right end.
    """

    metric: Metric
    left: float
    right: float

    def place(self, value: float) -> float:
        """Share of the way from left to right, 0 to 1; what lies beyond an end stands there."""
        return min(max((value - self.left) / (self.right - self.left), 0.0), 1.0)

    def drawn(
        self, value: float | None, low: float, high: float, floor: float | None,
        expert: float | None, label: str, css: str = "",
    ) -> str:  # fmt: skip
        """The bar.

        Args:
            value: of the bar; None for none.
            low: lower end of its interval.
            high: upper end.
            floor: dotted mark; None for none.
            expert: solid mark; None for none.
            label: what a screen reader says.
            css: further classes.
        """
        bar = ""
        if value is not None:
            first, last = sorted((self.place(low), self.place(high)))
            bar += f"<i style='width:{self.place(value):.2%}'></i>"
            bar += f"<s style='left:{first:.2%};width:{max(last - first, _LEAST):.2%}'></s>"
        bar += "" if floor is None else f"<u style='left:{self.place(floor):.2%}'></u>"
        bar += "" if expert is None else f"<b style='left:{self.place(expert):.2%}'></b>"
        name = f"track {css}".strip()
        return f"<div class='{name}' role='img' aria-label='{escape(label)}'>{bar}</div>"


def track(metric: Metric, references: Sequence[float], others: Sequence[float]) -> Track:
    """A track on which some values can be told apart.

    A share stands between 0 and 1. A loss has no natural ends: its track goes from a little worse
    than the worst reference to a little better than the best, which no mix moves.

    Args:
        metric: of all of them.
        references: such as floor and expert.
        others: taken where there are fewer than two references that differ.
    """
    if metric.percent:
        return Track(metric, *metric.limits)
    known = list(references) if len(set(references)) > 1 else [*references, *others]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = _BEYOND * ((high - low) or abs(high) or 1.0)
    low, high = metric.within(low - room), metric.within(high + room)
    return Track(metric, high, low) if metric.sign < 0 else Track(metric, low, high)


def score_track(score: Score | None, floor: Score | None, expert: Score | None, label: str) -> str:
    """The bar of a task's score, with marks for floor and expert; empty if nothing is known."""
    known = [each for each in (score, floor, expert) if each]
    if not known:
        return ""
    fixed = [each.value for each in (floor, expert) if each]
    ends = [score.low, score.high] if score else []
    low, high = ends or (0.0, 0.0)
    return track(known[0].metric, fixed, ends).drawn(
        score.value if score else None, low, high, floor.value if floor else None,
        expert.value if expert else None, label,
    )  # fmt: skip
