import json
import math

import pytest
import torch

from studio.compare.scale_search import (
    CANDIDATES,
    best,
    largest_factor,
    plan_budget,
    scaled,
    search,
)
from studio.errors import BadData, BadRecipe
from studio.methods import METHODS
from studio.methods.contract import describe
from studio.recipe import Recipe, TaskEntry
from studio.tasks.row_parts import CHOOSING, VALIDATION
from tests.conftest import refusal
from tests.measured import opened as with_statistics
from tests.merged import merged_tensors

RECIPE = Recipe("/base", (TaskEntry("a", "/a"), TaskEntry("b", "/b", 0.5)), "mdm_oc")


@pytest.mark.parametrize("top", [0.1, 0.3, 0.9, 1.0, 1.3, 3.0, 7.0])
def test_the_search_comes_near_the_best_scale_with_seven_trials(top):
    tried = search(lambda factor: -abs(math.log2(factor / top)))
    assert len(tried) == CANDIDATES
    assert list(tried)[:3] == [1.0, 0.5, 2.0]
    assert abs(math.log2(best(tried) / top)) <= 0.5


def test_every_method_gets_the_same_number_of_trials_on_a_plateau_too():
    tried = search(lambda factor: 0.7)
    assert len(tried) == CANDIDATES
    assert best(tried) == 1.0


def test_no_scale_goes_beyond_what_the_method_allows():
    assert max(search(lambda factor: factor, 9, largest=10.0)) == 8.0
    assert largest_factor(Recipe("/b", (), "iso_c")) == 10.0
    assert largest_factor(RECIPE) == math.inf


def test_a_scale_that_cannot_be_merged_loses():
    tried = search(lambda factor: -math.inf if factor > 1 else factor)
    assert best(tried) == 1.0


def test_a_scale_multiplies_the_option_or_else_every_coefficient():
    assert [t.coefficient for t in scaled(RECIPE, 2.0).tasks] == [2.0, 1.0]  # mdm_oc's default is 1
    whole = Recipe("/base", RECIPE.tasks, "iso_c")
    assert scaled(whole, 0.5).options == {"scale": 0.5}
    assert scaled(whole, 0.5).tasks == whole.tasks
    assert scaled(whole, 1.0) is whole


@pytest.mark.parametrize("name", METHODS)
def test_a_scale_multiplies_what_every_method_adds(make_recipe, name):
    recipe = make_recipe("red", "green", method=name, dtype="float64")
    base = with_statistics(recipe).base
    whole, half = (merged_tensors(with_statistics(scaled(recipe, factor))) for factor in (1.0, 0.5))
    for key, tensor in whole.items():
        start = base.tensor(key).double()
        near = (tensor.double() - start) / 2
        torch.testing.assert_close(half[key].double() - start, near, rtol=0, atol=1e-6)


PLAIN = ("mdm_oc", "average", "ties")  # none of which measures anything
SCALED = [n for n, kind in METHODS.items() if any(o["name"] == "scale" for o in describe(kind))]


@pytest.mark.parametrize("name", SCALED)
def test_what_a_method_derives_is_derived_once_for_all_scales(opened, monkeypatch, name):
    bench, kind, calls = opened(), METHODS[name], []
    original = kind.vectors
    monkeypatch.setattr(
        kind, "vectors", lambda self, given: calls.append(self) or original(self, given)
    )
    recipe = bench.zoo.recipe(name)
    for factor in (1.0, 0.5, 2.0, 0.25):
        bench.merge(scaled(recipe, factor)).prepare()
    assert len(calls) == (1 if kind().derives else 0)


def test_the_budget_is_a_product_that_is_known_before_the_start(opened):
    bench = opened()
    plain, tuned = (plan_budget(bench, PLAIN, tune) for tune in (False, True))
    assert (plain.evaluations, tuned.evaluations) == (3 * 1 * 60, 3 * 7 * 60)
    assert tuned.words == (
        "3 methods x 7 scales x 60 validation rows = 1,260 row evaluations, and each row once by "
        "its expert and by the base"
    )
    less = plan_budget(bench, PLAIN, True, 150)  # 7 scales on 10 rows of 2 tasks are 140
    assert (less.most, less.rows) == (10, 20)


def test_too_low_a_budget_is_refused_with_the_lowest_that_would_do(opened):
    with pytest.raises(BadRecipe) as error:
        plan_budget(opened(), PLAIN, True, 13)
    assert "one row of each of 2 tasks need 14" in refusal(error)


def test_without_validation_rows_nothing_is_tuned(opened, tiny_copy):
    import yaml

    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del zoo["tasks"][1]["data"]["validation"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    with pytest.raises(BadData) as error:
        plan_budget(opened(), PLAIN[:1], True)
    assert "these have none: animal. Name" in refusal(error)
    assert plan_budget(opened(), PLAIN[:1], False).rows == 0


def test_beside_a_method_that_measures_all_choose_on_rows_that_are_never_measured(opened):
    bench = opened()
    found = plan_budget(bench, ("average", "regmean"), True)
    assert (plan_budget(bench, PLAIN, True).split, found.split) == (VALIDATION, CHOOSING)
    left = {name: len(task.rows(CHOOSING)) for name, task in bench.tasks.items()}
    assert found.rows == sum(left.values()) < 60
    assert found.words.endswith(", on none of the rows that a method may measure experts on")


def test_where_all_rows_are_of_one_group_a_measuring_method_cannot_be_tuned(opened, tiny_copy):
    file = tiny_copy / "animal" / "validation.jsonl"
    rows = [json.loads(line) | {"group": "one"} for line in file.read_text().splitlines()]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert plan_budget(opened(), PLAIN, True).rows == 60
    with pytest.raises(BadData) as error:
        plan_budget(opened(), ("regmean",), True)
    assert "beside those that experts are measured on, but these have none: animal" in refusal(
        error
    )
    assert plan_budget(opened(), ("regmean",), False).rows == 0
