"""A lesson's numbers are the studio's: the same merges, scored on the same rows."""

from dataclasses import replace

import pytest

from studio.errors import StudioError
from studio.lesson.record import AMOUNTS, COEFFICIENTS, record_of
from studio.measure.change import mean_change
from studio.measure.outcomes import Measuring, paired
from studio.merge import open_merge


def test_every_point_of_the_grid_is_a_merge_that_was_scored(bench, record):
    assert set(record.grid) == {(c, a) for c in COEFFICIENTS for a in AMOUNTS}
    for (coefficient, amount), scores in record.grid.items():
        recipe = replace(bench.zoo.recipe(coefficient=coefficient), options={"strength": amount})
        heads = bench.heads(bench.scored())
        own = Measuring(bench).of(open_merge(recipe), heads, "held_out", 20)
        assert scores == own.scores
        assert {score.n for score in scores.values()} == {20}
    assert record.grid[0.0, 0.0] == record.facts.base


def test_on_all_rows_the_start_is_what_the_page_shows(bench):
    whole = record_of(bench, rows=10_000)
    start = bench.merge(bench.zoo.recipe(coefficient=whole.facts.start))
    assert whole.full == Measuring(bench).scores(start)


def test_changes_are_paired_on_the_same_rows(bench, record):
    start = record.facts.start
    whole = bench.zoo.recipe(coefficient=start)
    raised = whole.with_coefficients({record.facts.strong: 1.0})
    heads = bench.heads(bench.scored())
    new, old = (
        Measuring(bench).of(bench.merge(each), heads, "held_out", 20) for each in (raised, whole)
    )
    changes = paired(new, old)
    assert record.facts.strong == "color"
    assert record.pulled == mean_change({"animal": changes["animal"]})
    assert record.raised[1.0] == new.scores


def test_each_task_is_taken_out_both_ways(bench, record):
    assert [each.task for each in record.removed] == ["color", "animal"]
    first = record.removed[0]
    heads = bench.heads(bench.scored())
    whole = bench.zoo.recipe(coefficient=record.facts.start)
    for recipe, scores in (
        (whole.without("color"), first.rebuilt), (whole.silenced("color"), first.subtracted),
    ):  # fmt: skip
        own = Measuring(bench).of(bench.merge(recipe), heads, "held_out", 20)
        assert scores == own.scores
    assert first.left > 0


def test_no_rows_are_no_lesson(bench):
    with pytest.raises(StudioError, match="A lesson needs rows to score on; 0 were asked for"):
        record_of(bench, rows=0)
