"""What methods need of their tasks as sums: units, coefficients, and metrics by hand."""

import pytest
import torch

from studio.errors import BadRecipe
from studio.methods import METHODS, SUMMED, method
from studio.methods.additive import DELTAS, LEFT, RIGHT, Place, RowAdditive, Sums

ALONE = {"average", "task_arithmetic", "wudi", "regmean", "actmat", "aswudi"}


def test_methods_say_whether_what_they_need_is_a_sum():
    for name, title in ((name, each.title) for name, each in METHODS.items()):
        chosen = method(name, {})
        if name in ALONE:
            assert chosen.additive.title == title
        else:
            with pytest.raises(BadRecipe, match="sum over them"):
                _ = chosen.additive
    assert {*SUMMED} == ALONE | {"mdm_oc"}
    assert all(method(name, options).additive for name, options in SUMMED.items())
    metric = {"basis": "activation", "strength": 1.0}
    assert method("mdm_oc", metric).additive.measured


def test_units_grow_with_the_base_and_with_what_is_coarser():
    summed = method("regmean", {}).additive
    assert summed.units(3, 0) == {DELTAS: -41, LEFT: -36, RIGHT: -39}
    assert summed.units(3, 5) == {DELTAS: -36, LEFT: -31, RIGHT: -34}


@pytest.mark.parametrize(("name", "low"), [("regmean", -0.1), ("average", 0.0), ("wudi", 0.0)])
def test_coefficients_that_no_task_comes_with_are_refused(name, low):
    with pytest.raises(BadRecipe, match="'red' has"):
        method(name, {}).additive.refuse("red", low)
    method("average", {}).additive.refuse("red", -0.1)


def test_the_metric_of_rows_by_hand_and_of_a_delta_that_is_zero():
    summed = method("wudi", {}).additive
    assert isinstance(summed, RowAdditive)
    rows = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]], dtype=torch.float64)
    assert summed.metric(rows, "x").tolist() == [[[9 / 25, 0.0], [0.0, 16 / 25]]]
    assert not bool(summed.metric(rows * 0, "x").any())
    assert summed.has_metric(Place("a.weight", (3, 2), False))
    assert not summed.has_metric(Place("a.bias", (3,), False))
    assert not summed.has_metric(Place("embeddings.weight", (3, 2), False))


@pytest.mark.parametrize("turned", [False, True])
def test_a_place_lays_inputs_first_and_back(turned):
    place = Place("a.weight", (6, 2, 2), turned)
    flat = torch.arange(24.0)
    groups = 1 if turned else 2
    first = place.inputs_first(flat, groups)
    assert first.shape == ((1, 6, 4) if turned else (2, 4, 3))
    assert place.flat(first).equal(flat)


def test_a_mean_of_sums_by_hand():
    def never() -> torch.Tensor:
        raise AssertionError

    place = Place("a.bias", (2,), False)
    for name, expected in (("average", [1.0, 2.0]), ("regmean", [0.5, 1.0])):
        sums = Sums(place, lambda: torch.tensor([2.0, 4.0]), never, never, 2, 4.0, 2, 0)
        assert method(name, {}).additive.solve(sums).tolist() == expected
