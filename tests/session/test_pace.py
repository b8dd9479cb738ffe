"""Seconds before a start: from rows that were timed, and from earlier jobs of the kind."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from studio.measure.bench import Bench
from studio.session.pace import Pace, about, earlier
from studio.zoo import load_zoo


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


def test_rows_that_are_under_way_tell_before_any_recipe_is_scored_whole():
    bench: Any = SimpleNamespace(scored=tuple, heads=lambda names: {})
    begun: list[Any] = [SimpleNamespace(latency=None), SimpleNamespace(latency=0.05)]
    found = Pace(bench, tuple, lambda: tuple(begun))
    assert found.row == 0.05
    begun[1] = SimpleNamespace(latency=0.04)
    assert found.row == 0.04  # asked again, since more rows tell it better
    begun.clear()
    assert found.row is None


def test_a_job_that_compares_is_learned_as_it_is_foretold():
    made = pace(0.01)
    takes = made.takes("scores", 1000)
    assert takes.seconds == pytest.approx(1.5 + 10)
    takes.learn(1.5 + 20)
    assert pace(0.01).takes("scores", 1000).seconds == pytest.approx(1.5 + 10 * 2**0.5)


def test_without_rows_earlier_jobs_of_about_the_same_size_tell():
    assert earlier("writing", 1000).seconds is None
    earlier("writing", 1000).learn(8.0)
    assert earlier("writing", 1000).seconds == pytest.approx(8.0)
    assert earlier("writing", 1100).seconds == pytest.approx(8.8)
    assert earlier("writing", 1_000_000).seconds is None  # too far away to say
    assert earlier("reading", 1000).seconds is None
    earlier("writing", 1000).learn(32.0)
    assert earlier("writing", 1000).seconds == pytest.approx(16.0)  # halfway, by ratio


def test_what_scores_nothing_is_told_by_the_size_of_its_base(tiny_zoo):
    made = Pace(Bench(load_zoo(tiny_zoo), torch.device("cpu")), tuple)
    size = sum(each.stat().st_size for each in (tiny_zoo / "base").glob("*.safetensors"))
    assert made.written("a size").seconds is None
    earlier("a size", size).learn(3.0)
    assert made.written("a size").seconds == pytest.approx(3.0)
    assert made.scored("a size", 2).seconds is None  # by its rows, whose time is not known
