"""Orthogonal components of two deltas, worked by hand, and what a sequence has to keep."""

import pytest

from studio.methods import method
from studio.methods.contract import GRAM, numbers, usual
from studio.methods.mdm_oc import MdmOc
from tests.methods.by_hand import merged_vector

DELTAS = ([2.0, 0.0], [1.0, 3.0])


@pytest.mark.parametrize(
    ("coefficients", "expected"), [([1.0, 0.0], [2.0, 0.0]), ([0.0, 1.0], [0.0, 3.0])]
)
def test_the_first_keeps_its_delta_and_the_second_what_is_across(tmp_path, coefficients, expected):
    found = merged_vector(tmp_path, MdmOc(), DELTAS, coefficients)
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


def test_a_strength_of_zero_keeps_the_raw_deltas_and_a_half_removes_half(tmp_path):
    raw = merged_vector(tmp_path / "raw", MdmOc(strength=0.0), DELTAS, [0.0, 1.0])
    assert raw.tolist() == [1.0, 3.0]
    half = merged_vector(tmp_path / "half", MdmOc(strength=0.5), DELTAS, [0.0, 1.0])
    assert half.tolist() == pytest.approx([0.5, 3.0], abs=1e-12)


def test_orthogonal_components_start_so_that_they_move_as_far_as_one():
    assert [MdmOc.starting_coefficient(n) for n in (1, 4, 25)] == [1.0, 0.5, 0.2]


def test_only_whole_deltas_in_order_need_no_earlier_checkpoints():
    kept = "the merged model and the earlier components"
    assert MdmOc().carried == kept
    for other in (MdmOc(order="symmetric"), MdmOc(basis="subspace")):
        assert other.carried.startswith("every checkpoint")


def test_vectors_are_derived_only_where_matrices_are_reduced():
    assert not MdmOc().derives
    assert all(each.derives for each in (MdmOc(basis="subspace"), MdmOc(rank=1), MdmOc(energy=0.5)))


def test_defaults_follow_the_basis():
    usual_ = {"order": "arrival", "strength": 1.0}
    for options, expected in (
        ({}, usual_),
        ({"basis": "subspace"}, usual_),
        ({"basis": "activation"}, {"order": "symmetric", "strength": 0.25}),
    ):
        made = method("mdm_oc", options)
        assert isinstance(made, MdmOc)
        assert {"order": made.order, "strength": made.strength} == expected
        assert all(usual(MdmOc, options)[name] == x for name, x in expected.items())
        assert MdmOc.default("rows", options) == 256
    kept = method("mdm_oc", {"basis": "activation", "order": "arrival", "strength": 1})
    assert isinstance(kept, MdmOc)
    assert (kept.order, kept.strength) == ("arrival", 1.0)


def test_activations_start_at_one_and_only_they_need_rows():
    activation = {"basis": "activation"}
    assert [MdmOc.starting_coefficient(n, activation) for n in (1, 4, 25)] == [1.0, 1.0, 1.0]
    assert method("mdm_oc", activation).measures == GRAM
    assert method("mdm_oc", activation).measured_rows == 256
    assert method("mdm_oc", {}).measures == method("mdm_oc", {"basis": "subspace"}).measures == ""


def test_only_options_that_change_something_are_swept_or_shown():
    assert set(numbers(MdmOc)) == {"strength", "rank", "energy"}
    assert set(numbers(MdmOc, {"basis": "activation"})) == {
        "strength", "rank", "energy", "off_diagonal", "rows",
    }  # fmt: skip
    assert {"off_diagonal", "rows", "statistics"} <= {*MdmOc.idle({})}
    assert MdmOc.idle({"basis": "activation"}) == ("scope", "normalize")


def test_in_order_of_arrival_activations_carry_a_sum_of_grams():
    arrived = method("mdm_oc", {"basis": "activation", "order": "arrival"})
    assert arrived.carried.endswith("the earlier components, and the sum of the earlier Grams")
    assert method("mdm_oc", {"basis": "activation"}).carried.startswith("every checkpoint")
