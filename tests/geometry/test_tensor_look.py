"""One tensor from close by, against values worked by hand."""

import pytest
import torch

from studio.geometry.tensor_look import BINS, tensor_look


def test_singular_values_are_those_of_the_matrix_before_and_after():
    delta = torch.diag(torch.tensor([3.0, 2.0])).flatten()[None]
    found = tensor_look("w", (2, 2), ("a",), delta, delta / 2)
    assert found.before == (pytest.approx((3.0, 2.0)),)
    assert found.after == (pytest.approx((1.5, 1.0)),)


def test_entries_are_counted_once_each_and_the_outer_bins_take_the_rest():
    delta = torch.tensor([[-1.0, -1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    found = tensor_look("b", (8,), ("a",), delta, torch.zeros_like(delta))
    (counts,), (empty,) = found.counts, found.counts_after
    assert found.before == ((),)  # no matrix
    assert (found.edges[0], found.edges[-1]) == (-1.0, 1.0)
    assert (counts[0], counts[BINS // 2], counts[-1]) == (2 / 8, 3 / 8, 3 / 8)
    assert sum(counts) == 1
    assert empty[BINS // 2] == 1


def test_a_tensor_that_nothing_changes_is_looked_at_without_a_word():
    found = tensor_look("w", (2, 2), ("a",), torch.zeros(1, 4), torch.zeros(1, 4))
    assert found.before == ((),)
    assert sum(found.counts[0]) == 1
