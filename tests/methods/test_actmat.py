"""ACTMat and TACT beside the dense formula."""

import pytest
import torch

from studio.methods.actmat import ActMat
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def dense(deltas, entries=1.0, cutoff=1e-2):
    """The formula with whole covariances and a whole pseudo-inverse."""
    covariances = []
    for delta in deltas:
        order = delta.abs().flatten().argsort(descending=True)
        mask = torch.zeros(delta.numel()).double()
        mask[order[: int(entries * delta.numel())]] = 1.0
        kept = delta * mask.view_as(delta)
        covariances.append(kept.T @ kept)
    own = sum(d @ c for d, c in zip(deltas, covariances, strict=True))
    return own @ torch.linalg.pinv(torch.stack(covariances).sum(0), rtol=cutoff, hermitian=True)


@pytest.mark.parametrize("entries", [1.0, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_dense_formula(tmp_path, shape, entries):
    deltas = drawn(shape, 3)
    found = change(tmp_path, ActMat(entries=entries), deltas)
    torch.testing.assert_close(found, dense(deltas, entries), rtol=0, atol=1e-10)


@pytest.mark.parametrize("entries", [1.0, 0.5])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_the_same(tmp_path, shape, entries):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, ActMat(entries=entries), deltas, 2)
    torch.testing.assert_close(found, dense(deltas, entries), rtol=0, atol=1e-9)


def test_float32_deltas_are_solved_for_in_float64(tmp_path):
    deltas = [delta.float().double() for delta in drawn((12, 40), 3)]
    found = change(tmp_path, ActMat(), deltas, dtype=torch.float32)
    torch.testing.assert_close(found, dense(deltas).float(), rtol=0, atol=1e-6)


def test_weak_directions_are_cut_and_strong_ones_stay(tmp_path):
    strong, weak = torch.zeros(4, 3).double(), torch.zeros(4, 3).double()
    strong[0, 0], weak[1, 1] = 1.0, 0.1
    cut = change(tmp_path, ActMat(cutoff=0.02), [strong, weak])  # eigenvalues 1 and 0.01
    assert cut.allclose(strong)
    kept = change(tmp_path, ActMat(cutoff=0.005), [strong, weak])
    assert kept.allclose(strong + weak)


def test_a_larger_delta_counts_more_where_inputs_are_shared(tmp_path):
    first, second = torch.zeros(3, 2).double(), torch.zeros(3, 2).double()
    first[0, 0], second[1, 0] = 2.0, 1.0
    # C_i are 4 and 1 on the same input: (2 * 4) / 5 and (1 * 1) / 5
    found = change(tmp_path, ActMat(), [first, second])
    assert found[:2, 0].tolist() == pytest.approx([1.6, 0.2])


def test_the_same_task_twice_is_that_task_and_zeros_change_nothing(tmp_path):
    delta = drawn((6, 4), 1)[0]
    for other in (delta, torch.zeros(6, 4).double()):
        found = change(tmp_path, ActMat(cutoff=0.0), [delta, other])
        torch.testing.assert_close(found, delta, rtol=0, atol=1e-9)
    zeros = torch.zeros(6, 4).double()
    assert change(tmp_path, ActMat(), [zeros, zeros]).equal(zeros)


@pytest.mark.parametrize("entries", [1.0, 0.2])
def test_a_task_that_is_alone_keeps_its_delta(tmp_path, entries):
    delta = drawn((6, 4), 1)[0]
    assert change(tmp_path, ActMat(entries=entries, cutoff=0.5), [delta]).equal(delta)


def test_coefficients_start_at_the_length_of_one_task():
    assert ActMat.starting_coefficient(4) == 0.5
