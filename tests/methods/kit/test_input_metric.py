"""Linear systems in Grams: what singular ones give, groups alone, and what is refused."""

import pytest
import torch

from studio.errors import NotFinite
from studio.methods.kit.input_metric import rows_option, scaled, solved, trust_option
from tests.conftest import refusal


def gram(seed, width, rows=40):
    inputs = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)).double()
    return (inputs.T @ inputs / rows).unsqueeze(0)


def nothing():
    raise AssertionError("asked for although the system is regular")


def test_off_diagonals_are_multiplied_and_the_diagonal_is_kept():
    found = scaled(torch.tensor([[2.0, 1.0], [1.0, 4.0]]), 0.5, "w, 'red'")
    assert found.tolist() == [[[2.0, 0.5], [0.5, 4.0]]]
    assert found.dtype == torch.float64


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gram_that_is_not_finite_is_refused_by_name(value):
    bad = torch.eye(3)
    bad[0, 1] = value
    with pytest.raises(NotFinite) as error:
        scaled(bad, 0.95, "layer.weight, 'red'")
    said = refusal(error)
    assert said.startswith("layer.weight, 'red': what enters this layer leaves the range")
    assert "1 of 9 measured products are NaN or infinite" in said


def test_a_regular_system_is_solved_without_a_ridge():
    left, right = gram(0, 5), torch.ones(1, 5, 2).double()
    found = solved(left, right, nothing, "w")
    torch.testing.assert_close(left @ found, right, rtol=0, atol=1e-10)


def test_each_group_is_solved_alone_and_only_the_singular_one_gets_a_ridge():
    left = torch.cat([gram(0, 4), torch.zeros(1, 4, 4).double(), gram(1, 4, 2)])
    right = left @ torch.ones(3, 4, 1).double()
    toward = torch.full((3, 4, 1), 7.0).double()
    found = solved(left, right, lambda: toward, "w")
    alone = solved(left[:1], right[:1], nothing, "w")
    torch.testing.assert_close(found[:1], alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(found[1], toward[1], rtol=0, atol=1e-9)
    kept = left[2] @ found[2] - right[2]  # what the inputs ask for is met but for the ridge
    assert float(kept.abs().max()) < 1e-3
    assert float((found[2] - 1.0).abs().max()) > 0.1  # and what they leave open goes to 7


def test_what_is_no_sum_of_products_is_refused():
    left = torch.tensor([[[1.0, 3.0], [3.0, 1.0]]]).double()
    with pytest.raises(NotFinite) as error:
        solved(left, torch.ones(1, 2, 1).double(), lambda: torch.ones(1, 2, 1).double(), "w")
    assert (
        "w: what was measured of this layer's inputs is singular, and a ridge of 0.001"
        in refusal(error)
    )


def test_both_options_have_words_and_limits():
    for each in (trust_option(), rows_option()):
        assert each.metadata["words"].endswith(".")
        assert each.metadata["low"] <= each.default <= each.metadata["high"]
