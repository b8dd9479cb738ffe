"""Tensors that a calibration puts into a merge: asked for once, and refused without rows."""

from dataclasses import replace

import pytest
import torch

from studio.errors import BadRecipe
from studio.merge import merged_pieces, open_merge
from studio.methods.kit.fitted_tensors import FittedTensors, Fitting
from studio.recipe import Calibrate
from tests.merged import merged_tensors

NAME = "layer.0.dense.weight"


@pytest.fixture
def recipe(make_recipe):
    return make_recipe(calibrate=Calibrate(8))


def test_nothing_is_fitted_unless_the_recipe_asks(recipe):
    plain = replace(recipe, calibrate=None)
    assert FittedTensors(plain, None).tensors == {}
    assert FittedTensors(plain, None).notes == []
    assert FittedTensors(replace(recipe, tasks=()), None).tensors == {}


def test_without_rows_it_is_refused(recipe):
    with pytest.raises(BadRecipe, match="has 'calibrate', which runs the merged model"):
        open_merge(recipe).prepare()


def test_they_take_the_place_of_merged_tensors_and_are_fitted_once(recipe):
    merge, calls = open_merge(recipe), []

    def fit(given):
        calls.append(given)
        return Fitting({NAME: torch.full((6, 4), 0.25)}, {})

    merge = replace(merge, calibrate=fit)
    found = merged_tensors(merge)
    assert calls == [merge]
    assert found[NAME].eq(0.25).all()
    usual = merged_tensors(open_merge(replace(recipe, calibrate=None)))
    assert all(found[name].equal(x) for name, x in usual.items() if name != NAME)
    assert any("at most 8 validation rows" in note for note in merge.notes)


def test_tensors_that_no_task_changes_count_as_changed_and_rounding_sees_them(recipe):
    recipe = recipe.without("red", "green")  # what is left is an adapter of two layers
    found = Fitting({"layer.0.dense.bias": torch.ones(6)}, {})
    merge = replace(open_merge(recipe), calibrate=lambda _: found)
    assert "layer.0.dense.bias" in merge.changed
    seen = []
    (made,) = merged_pieces(merge, "layer.0.dense.bias", watch=lambda *x: seen.append(x))
    assert made.eq(1).all()
    ((base, whole, cast),) = seen
    assert base.equal(merge.base.tensor("layer.0.dense.bias"))
    assert whole.equal(cast)
