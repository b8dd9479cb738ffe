"""Seconds before a start: from rows that were timed, and from earlier jobs of the kind."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.session.pace import Pace, about


def pace(*latencies: float) -> Pace:
    known = {str(k): SimpleNamespace(latency=x) for k, x in enumerate(latencies)}
    bench: Any = SimpleNamespace(
        scored=lambda: tuple(known), heads=lambda names: dict.fromkeys(names),
        unmeasured=lambda recipe: [], merge=lambda recipe: recipe,
        score_cache=SimpleNamespace(recall=lambda merge, heads, split: known),
    )  # fmt: skip
    recipes: Any = (SimpleNamespace(fits_experts=False),)
    return Pace(bench, lambda: recipes)


def test_nothing_is_promised_before_rows_were_timed():
    assert pace().seconds("quiet", 1000) is None
    assert pace(0.0).row is None
    assert about(None) == ""


def test_seconds_are_rows_by_the_time_of_one_and_the_opening():
    assert pace(0.01, 0.03).row == pytest.approx(0.02)
    assert pace(0.02).seconds("quiet", 1000) == pytest.approx(1.5 + 20)


def test_a_job_that_took_four_times_as_long_doubles_the_next_forecast():
    made = pace(0.01)
    made.learn("four times", 1000, 1.5 + 40)
    assert pace(0.01).seconds("four times", 1000) == pytest.approx(1.5 + 20)  # halfway, by ratio
    made.learn("four times", 1000, 1.5 + 1e6)  # the computer slept
    assert made.seconds("four times", 1000) == pytest.approx(1.5 + 20)
    assert made.seconds("another kind", 1000) == pytest.approx(1.5 + 10)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (7.4, "about 7 s"), (43, "about 45 s"), (200, "about 3 min")],
)
def test_a_duration_is_rounded_as_it_is_known(seconds, words):
    assert about(seconds) == words
