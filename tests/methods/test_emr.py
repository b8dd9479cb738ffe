"""EMR beside its reference written out, and values worked by hand."""

import pytest
import torch

from studio.methods.emr import Emr
from tests.methods.by_hand import merged_vector
from tests.methods.changes import change, drawn


def models(deltas):
    """Every task's model with whole stacked deltas."""
    flat = torch.stack([delta.flatten() for delta in deltas])
    gamma = torch.where(flat.sum(0) > 0, 1.0, -1.0).double()
    whole = gamma * torch.where(flat * gamma > 0, flat.abs(), 0.0).amax(0)
    found = []
    for row, delta in zip(flat, deltas, strict=True):
        part = whole * (row * gamma > 0)
        found.append((part * row.abs().mean() / part.abs().mean()).view_as(delta))
    return found


@pytest.mark.parametrize("shape", [(12, 8), (300, 250)])  # of one piece, and of several
def test_one_slider_alone_is_that_tasks_model_and_several_are_their_mixture(tmp_path, shape):
    deltas = drawn(shape, 3)
    expected = models(deltas)
    for i in range(3):
        alone = tuple(1.0 if j == i else 0.0 for j in range(3))
        found = change(tmp_path, Emr(), deltas, alone)
        torch.testing.assert_close(found, expected[i], rtol=0, atol=1e-12)
    mixed = change(tmp_path, Emr(), deltas, (0.5, 0.2, -1.0))
    total = 0.5 * expected[0] + 0.2 * expected[1] - expected[2]
    torch.testing.assert_close(mixed, total, rtol=0, atol=1e-12)


def test_values_by_hand(tmp_path):
    deltas = [[1.0, -2.0, 3.0], [2.0, 1.0, 1.0]]
    # sums 3, -1, 4: u = 2, -2, 3; the first task masks all: 6 / 7 of it; the second 4 / 5 of two
    first = merged_vector(tmp_path, Emr(), deltas, [1.0, 0.0])
    assert first.tolist() == pytest.approx([2 * 6 / 7, -2 * 6 / 7, 3 * 6 / 7])
    second = merged_vector(tmp_path, Emr(), deltas, [0.0, 1.0])
    assert second.tolist() == pytest.approx([2 * 4 / 5, 0.0, 3 * 4 / 5])


def test_a_task_of_zeros_has_no_part_and_the_same_twice_is_that_task(tmp_path):
    delta = [1.0, -2.0, 3.0]
    assert merged_vector(tmp_path, Emr(), [delta, [0.0] * 3], [0.0, 1.0]).tolist() == [0.0] * 3
    assert merged_vector(tmp_path, Emr(), [delta, delta], [0.0, 1.0]).tolist() == delta
