"""The scores of a first screen: computed ones win, and what is lent of the zoo's file is named."""

from types import SimpleNamespace
from typing import Any

from studio.measure.intervals import Score
from studio.session.first_scores import first_scores
from studio.session.shipped import Shipped

NAMES = ("red", "green")
RECIPE: Any = SimpleNamespace(digest="start")


def scores(right: int) -> dict[str, Score]:
    value = right / 100
    score = Score(value, 100, value - 0.1, value + 0.1, "wilson")
    return dict.fromkeys(NAMES, score)


def results(own=(), references=(), done: bool = False) -> Any:
    known = SimpleNamespace(seen=1, done=True) if own else None
    found = dict(references)
    return SimpleNamespace(
        evaluation=lambda recipe: known, scores=lambda recipe: dict(own), experts=found,
        head_only=found, base=found, references_done=done,
    )  # fmt: skip


def test_without_a_file_there_is_what_was_computed():
    found = first_scores(results(), None, RECIPE)
    assert (found.scores, found.experts, found.shipped, found.departed) == ({}, {}, frozenset(), "")


def test_until_something_is_computed_the_files_scores_are_shown_and_named():
    shipped = Shipped("start", *(scores(right) for right in (70, 90, 60, 50)))
    found = first_scores(results(), shipped, RECIPE)
    assert found.scores == scores(70)
    assert found.experts == scores(90)
    assert found.shipped == {"scores", "experts", "head_only", "base"}
    other = first_scores(results(), shipped, SimpleNamespace(digest="moved"))  # type: ignore[arg-type]
    assert "scores" not in other.shipped
    assert other.scores == {}


def test_computed_scores_win_and_a_departure_is_said_by_task():
    shipped = Shipped("start", *(scores(right) for right in (70, 90, 60, 50)))
    same = first_scores(results(scores(70), scores(90)), shipped, RECIPE)
    assert same.scores == scores(70)
    assert same.shipped == frozenset()
    assert same.departed == ""
    apart = first_scores(results(scores(60), scores(90)), shipped, RECIPE)
    assert apart.scores == scores(60)
    assert "red" in apart.departed
    assert "Those computed here are shown." in apart.departed
