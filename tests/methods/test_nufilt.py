"""NUFILT beside the same recursion with a dense least-squares problem at every arrival."""

import pytest
import torch

from studio.methods.nufilt import Nufilt
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def right(matrix, most):
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    kept = min(int((s > 1e-7 * s[0]).sum()), most)
    return vh[:kept].T, u[:, : int((s > 1e-7 * s[0]).sum())]


def loss(mend, total, delta, used, chosen):
    """The source's, of T G as a whole."""
    filtered = delta - delta @ used @ used.T + mend
    kept = (delta @ chosen - (total + filtered) @ chosen).square().sum()
    return kept + (mend @ used).square().sum()


def dense(deltas, filtered, mended):
    total = deltas[0]
    for delta in deltas[1:]:
        used, _ = right(total, filtered)
        chosen, columns = right(delta, mended)
        target = delta @ used @ used.T @ chosen - total @ chosen
        both = torch.cat([chosen, used], 1)
        wanted = torch.cat(
            [columns @ columns.T @ target, torch.zeros(len(delta), used.shape[1])], 1
        )
        mend = torch.linalg.lstsq(both.T, wanted.T, driver="gelsd").solution.T
        total = total + delta - delta @ used @ used.T + mend
    return total


@pytest.mark.parametrize(("filtered", "mended"), [(3, 2), (128, 8), (2, 0), (0, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_dense_recursion(tmp_path, shape, filtered, mended):
    deltas = drawn(shape, 3)
    found = change(tmp_path, Nufilt(filtered=filtered, mended=mended), deltas)
    torch.testing.assert_close(found, dense(deltas, filtered, mended), rtol=0, atol=1e-8)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_filtered_in_their_row_space(tmp_path, shape):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, Nufilt(mended=1), deltas, 2)
    torch.testing.assert_close(found, dense(deltas, 128, 1), rtol=0, atol=1e-8)


def test_no_step_lowers_the_loss_of_the_mend(tmp_path):
    first, second = drawn((6, 8), 2, rank=3)
    found = change(tmp_path, Nufilt(filtered=2, mended=2), [first, second])
    used, _ = right(first, 2)
    chosen, _ = right(second, 2)
    mend = (found - first - (second - second @ used @ used.T)).requires_grad_()
    value = loss(mend, first, second, used, chosen)
    (slope,) = torch.autograd.grad(value, mend)
    columns = torch.linalg.svd(second, full_matrices=False).U[:, :3]
    along = columns.T @ slope  # T G stays in the columns of T
    assert float(along.abs().max()) < 1e-8
    still = torch.zeros_like(mend)
    assert value.item() < loss(still, first, second, used, chosen).item()


def test_inputs_that_nobody_uses_are_left_to_the_newcomer(tmp_path):
    left, other = drawn((6, 4), 2)
    left[:, 2:], other[:, :2] = 0.0, 0.0
    found = change(tmp_path, Nufilt(), [left, other])
    torch.testing.assert_close(found, left + other, rtol=0, atol=1e-9)


def test_zeros_come_and_go_unseen(tmp_path):
    delta = drawn((6, 4), 1)[0]
    zeros = torch.zeros(6, 4).double()
    for deltas in ([zeros, delta], [delta, zeros], [zeros, delta, zeros]):
        found = change(tmp_path, Nufilt(), deltas)
        torch.testing.assert_close(found, delta, rtol=0, atol=1e-9)


def test_a_task_of_coefficient_zero_never_arrived(tmp_path):
    deltas = drawn((6, 4), 3)
    some = change(tmp_path, Nufilt(filtered=2, mended=8), deltas, (1.0, 0.0, 1.0))
    torch.testing.assert_close(some, dense([deltas[0], deltas[2]], 2, 8), rtol=0, atol=1e-8)
