"""Which running statistics a merge has, and what is said of them."""

from dataclasses import replace

import pytest
import torch

from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods.kit.running_statistics import RunningStatistics
from studio.recipe import BATCH_NORMS, Recipe, TaskEntry
from tests.conftest import draw, save_model
from tests.merged import merged_tensors

MEAN, VARIANCE = "n.running_mean", "n.running_var"


@pytest.fixture
def recipe(tmp_path):
    for seed, name in enumerate(("base", "one")):
        drawn = draw(seed, {MEAN: (3,), "n.weight": (3,)})
        save_model(tmp_path / name, drawn | {VARIANCE: torch.full((3,), 1.0 + seed)})
    return Recipe(
        str(tmp_path / "base"), (TaskEntry("one", str(tmp_path / "one"), 1.0),), "task_arithmetic"
    )


def test_the_bases_stay_where_the_recipe_says_so(recipe):
    merge = open_merge(replace(recipe, batch_norm="base"))
    assert set(merged_tensors(merge)) == {"n.weight"}
    assert any("are the base's; the checkpoints' 2 others are left out" in x for x in merge.notes)


def test_a_mixture_of_one_task_alone_is_its_own(recipe):
    merge = open_merge(recipe)
    own = merge.deltas.checkpoints[0]
    found = merged_tensors(merge)
    assert all(found[name].equal(own.tensor(name)) for name in (MEAN, VARIANCE))


def test_what_is_measured_takes_the_place_of_all_of_them(recipe):
    merge = open_merge(replace(recipe, batch_norm="recalibrate"))
    with pytest.raises(BadRecipe, match="runs the merged model on validation rows"):
        merge.prepare()
    found = {name: torch.full((3,), 7.0).double() for name in (MEAN, VARIANCE)}
    measured = merged_tensors(replace(merge, recalibrate=lambda _: found))
    assert all(measured[name].equal(torch.full((3,), 7.0)) for name in found)
    assert RunningStatistics(merge.deltas, merge.recipe, 1.0, lambda: found).at(MEAN).sum() == 21


@pytest.mark.parametrize("mode", BATCH_NORMS)
def test_a_recipe_without_tasks_is_the_base_whatever_it_says(recipe, mode):
    merge = open_merge(replace(recipe, tasks=(), batch_norm=mode))
    merge.prepare()
    assert merge.statistics.names == ()
