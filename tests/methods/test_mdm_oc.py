"""Orthogonal components of two deltas, worked by hand, and what a sequence has to keep."""

import pytest

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
