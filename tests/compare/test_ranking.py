"""Everything tried on the same rows, ranked: places, paired differences, ties, worst tasks."""

from dataclasses import replace
from typing import Any

import pytest

from studio.compare.ranking import Tried, model_key, rank
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from tests.outcomes import outcome, with_losses

RIGHT, HALF = [1] * 100, [1, 0] * 50
EXPERTS = outcome({"red": RIGHT, "blue": RIGHT}).scores
RECIPE = Recipe("/b", (TaskEntry("red", "/r"), TaskEntry("blue", "/b")), "ties")


def tried(name: str, red, blue, own: str = "") -> Tried:
    return Tried(name, name, "", RECIPE, outcome({"red": red, "blue": blue}), own=own)


def table(*models: Tried) -> Any:
    return rank(models, EXPERTS)


def test_the_best_mean_is_first_and_differences_are_paired_with_the_own_mix():
    found = table(tried("low", HALF, HALF), tried("mine", HALF, RIGHT, "mine"),
                  tried("high", RIGHT, RIGHT))  # fmt: skip
    assert [(row.tried.what, row.place) for row in found.rows] == [
        ("high", 1), ("mine", 2), ("low", 3),
    ]  # fmt: skip
    high, mine, low = found.rows
    assert mine.change is None
    assert high.change.mean == pytest.approx(0.25)
    assert (high.change.verdict, low.change.verdict) == ("better", "worse")
    assert high.change.n == 200


def test_a_difference_whose_interval_holds_0_cannot_be_told():
    other = [1, 0] * 49 + [0, 1]  # two rows changed, one each way
    found = table(tried("mine", HALF, HALF, "mine"), tried("other", other, HALF))
    assert found.best_other.change.verdict == "cannot tell"
    assert found.best_other.change.mean == 0


def test_the_worst_task_is_the_one_that_loses_most_against_its_own_expert():
    row = table(tried("mine", [1] * 90 + [0] * 10, HALF, "mine")).rows[0]
    task, score, difference = row.worst
    assert (task, score.value, difference) == ("blue", 0.5, -0.5)
    assert rank([row.tried], {}).rows[0].worst is None


def test_what_is_not_measured_has_no_place_and_nothing_is_paired_with_it():
    waiting = replace(tried("mine", HALF, HALF, "mine"), outcome=None)
    found = table(waiting, tried("other", HALF, HALF))
    assert [(row.tried.what, row.place) for row in found.rows] == [("other", 1), ("mine", None)]
    assert found.rows[0].change is None
    assert found.mine is None


def test_the_best_of_many_needs_a_wider_interval():
    mine = tried("mine", HALF, HALF, "mine")
    others = [tried(f"{k}", RIGHT, HALF) for k in range(9)]
    alone, many = table(mine, others[0]), table(mine, *others)
    half = alone.best_other.change.half
    assert alone.widened == pytest.approx(half)
    assert many.widened == pytest.approx(half * 2.7729 / 1.95996, rel=1e-3)  # 1 - 0.025 / 9


def test_losses_are_ranked_the_lowest_first_and_the_worst_task_by_shares():
    def losses(name: str, red: float, blue: float, own: str = "") -> Any:
        made = with_losses(outcome({}), {"red": [red] * 4, "blue": [blue] * 4})
        return Tried(name, name, "", RECIPE, made, own=own)

    experts = losses("experts", 2.0, 0.2).outcome.scores
    found: Any = rank([losses("mine", 3.0, 0.4, "mine"), losses("low", 2.5, 0.3)], experts)
    assert [row.tried.what for row in found.rows] == ["low", "mine"]
    assert found.rows[0].change.verdict == "better"
    assert found.rows[1].worst[0] == "blue"  # twice its expert's, though red lost more nats


def test_a_model_has_one_key_whoever_set_its_numbers_and_however_they_are_written():
    plain = Recipe("/b", (TaskEntry("red", "/r"), TaskEntry("blue", "/b")), "average")
    usual = tuple(TaskEntry(t.name, t.checkpoint, 1.0, None, "person") for t in plain.tasks)
    assert model_key(plain) == model_key(replace(plain, tasks=usual, options_set_by="person"))
    other = (replace(usual[0], coefficient=0.5), usual[1])
    grouped = (replace(usual[0], coefficient=GroupedCoefficient(1.0, (("w", 0.5),))), usual[1])
    keys = {model_key(replace(plain, tasks=each)) for each in (usual, other, grouped)}
    assert len(keys) == 3
    assert model_key(replace(plain, tasks=usual[::-1])) != model_key(plain)  # the order may count
