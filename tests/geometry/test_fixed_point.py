"""Whole multiples of a power of two: rounding, exact sums, and what they do not hold."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import BadState, NotFinite
from studio.geometry.fixed_point import (
    added,
    exponent_of,
    from_units,
    power_of_two,
    to_units,
)

NUMBERS = st.lists(st.floats(-1000, 1000), min_size=1, max_size=6)


def test_an_exponent_is_the_least_above_the_number():
    assert [exponent_of(x) for x in (0.0, 0.75, 1.0, 1.5, 0.1)] == [0, 0, 1, 1, -3]


def test_a_power_of_two_is_exact():
    exponents = torch.tensor([-1022, -52, 0, 1, 1023])
    expected = torch.tensor([2.0**e for e in exponents.tolist()], dtype=torch.float64)
    assert power_of_two(exponents).equal(expected)


def test_halves_go_to_the_even_unit_and_nothing_is_off_by_more_than_half_a_unit():
    values = torch.tensor([0.5, 1.5, -2.5, 3.2], dtype=torch.float64) * 2**-10
    units = to_units(values, -10, "x")
    assert units.tolist() == [0, 2, -2, 3]
    assert float((from_units(units, -10) - values).abs().max()) <= 2**-11


@given(NUMBERS, st.randoms())
def test_what_is_taken_away_leaves_the_bits_of_the_others_in_any_order(numbers, random):
    terms = [to_units(torch.tensor([x], dtype=torch.float64), -40, "x") for x in numbers]
    gone, *kept = terms
    expected = sum(int(each) for each in kept)
    signed = [*terms, -gone]
    random.shuffle(signed)
    total = torch.zeros(1, dtype=torch.int64)
    for each in signed:
        total = added(total, each, -40, "x")
    assert int(total) == expected


def test_a_sum_that_leaves_the_range_is_refused_with_its_numbers():
    most = to_units(torch.tensor([2.0**61], dtype=torch.float64), 0, "x")
    total = added(added(most.clone(), most, 0, "x"), most, 0, "x")
    with pytest.raises(
        BadState, match=r"sum of x: the sum would reach 9.22\de\+18, .* 2\^0 end at 9"
    ):
        added(total, most, 0, "sum of x")
    with pytest.raises(
        BadState, match=r"would reach 1e\+06, .*2\^-44 end at 5.243e\+05.*by 3 powers"
    ):
        to_units(torch.tensor([1e6], dtype=torch.float64), -44, "x")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused_and_counted(value):
    with pytest.raises(NotFinite, match="a, 'red': 1 of 2 values are NaN or infinite"):
        to_units(torch.tensor([1.0, value], dtype=torch.float64), -10, "a, 'red'")
