"""An expert beside the head alone: kept and marked where it is worse."""

from dataclasses import replace

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.training.comparison import HEAD_ONLY, Compared

GOOD, BAD = Score(0.8, 100, 0.71, 0.87, "wilson"), Score(0.6, 100, 0.5, 0.69, "wilson")


def test_it_is_said_with_both_intervals_and_the_paired_difference():
    found = Compared(GOOD, BAD, HEAD_ONLY, Change(0.2, 0.08, 100))
    assert found.words == (
        "expert 80.0% (71.0% to 87.0%), head only 60.0% (50.0% to 69.0%); difference +20.0 ± 8.0 "
        "points (n = 100 held-out rows, 95 % intervals)"
    )
    assert not found.is_worse


def test_one_that_is_worse_is_marked_and_a_difference_that_may_be_none_is_called_so():
    found = Compared(BAD, GOOD, HEAD_ONLY, Change(-0.2, 0.3, 100))
    assert found.is_worse
    assert "WORSE than head only 80.0%" in found.words
    assert "difference -20.0 ± 30.0 points; the interval holds 0" in found.words
    assert found.plain()["expert_is_worse"]
    assert not replace(found, change=Change(0.0, 0.1, 100)).is_worse
