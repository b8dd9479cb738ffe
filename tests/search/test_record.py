import json
from dataclasses import replace

import pytest

from studio.errors import StudioError
from studio.search.plan import SearchPlan
from studio.search.record import load_answers, save_record
from studio.search.run import optimize

PLAN = SearchPlan(budget=2, batch=2, rows=8)


@pytest.fixture(scope="module")
def recipe(bench):
    return bench.zoo.recipe("task_arithmetic", 0.3)


@pytest.fixture
def record(bench, recipe, tmp_path):
    *_, run = optimize(bench, recipe, PLAN)
    save_record(run, tmp_path / "run.json")
    return run, tmp_path / "run.json"


def test_a_record_holds_the_answers_and_the_steps_in_words_and_numbers(bench, recipe, record):
    run, path = record
    assert load_answers(path, bench, recipe, PLAN) == run.answers
    data = json.loads(path.read_text())
    assert data["coefficients"] == ["color", "animal"]
    assert data["steps"][-1]["checked"]["value"] == run.steps[-1].checked.value
    assert data["steps"][-1]["rows"] == run.spent


def test_a_record_of_another_recipe_or_plan_is_refused(bench, recipe, record):
    _, path = record
    for other in (
        recipe.with_coefficients({"color": 0.5}),
        replace(recipe, method="mdm_oc"),
        recipe.without("color"),
    ):
        with pytest.raises(StudioError, match="record of another recipe"):
            load_answers(path, bench, other, PLAN)
    with pytest.raises(StudioError, match="another plan: budget 2 there, 9 here; seed 0 there, 1"):
        load_answers(path, bench, recipe, replace(PLAN, budget=9, seed=1))


@pytest.mark.parametrize("content", ["{}", '{"format": 1}', '{"format": 2, "answers": []}'])
def test_what_is_no_record_is_refused(bench, recipe, tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(StudioError, match="no record of a search"):
        load_answers(tmp_path / "x.json", bench, recipe, PLAN)
