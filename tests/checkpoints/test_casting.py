"""Merged values in their output's dtype: what leaves its range is refused with its numbers."""

import pytest
import torch

from studio.checkpoints.casting import cast
from studio.errors import NotFinite
from studio.merge import open_merge

NAME = "layer.0.dense.weight"


@pytest.fixture
def deltas(make_recipe):
    return open_merge(make_recipe()).deltas


def test_values_are_rounded_once(deltas):
    values = torch.tensor([1.0, 1 / 3])
    assert cast(deltas, NAME, values, torch.float16).tolist() == [1.0, 0.333251953125]
    assert cast(deltas, NAME, values, torch.float32) is values


def test_what_leaves_the_range_is_named_with_its_size(deltas):
    with pytest.raises(NotFinite, match=rf"{NAME}: merged values reach 1e\+06, but torch.float16"):
        cast(deltas, NAME, torch.tensor([1e6]), torch.float16)


def test_large_numbers_whose_sum_alone_leaves_the_range_are_taken(deltas):
    assert cast(deltas, NAME, torch.full((4,), 3e38), torch.float32).isfinite().all()
