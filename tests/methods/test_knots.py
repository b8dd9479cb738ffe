"""KnOTS and Core Space beside computations with plain SVDs."""

import pytest
import torch

from studio.methods.knots import Knots
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def ties(blocks, density):
    """TIES of matrices: the largest entries of each, elected signs, the mean of what agrees."""
    flat = torch.stack([block.flatten() for block in blocks])
    dropped = flat.shape[1] - int(density * flat.shape[1])
    if dropped:
        flat = flat * (flat.abs() >= flat.abs().kthvalue(dropped, 1, keepdim=True).values)
    sign = flat.sum(0).sign()
    agrees = flat * sign > 0
    return ((flat * agrees).sum(0) / agrees.sum(0).clamp(min=1)).view_as(blocks[0])


def knots(deltas, density):
    u, s, vh = torch.linalg.svd(torch.cat(deltas, 1), full_matrices=False)
    kept = s > 1e-5 * s[0]
    blocks = (s[kept, None] * vh[kept]).split(deltas[0].shape[1], 1)
    return u[:, kept] @ ties(blocks, density)


def core(deltas, density):
    """In the singular vectors of all columns and all rows."""
    u, s, _ = torch.linalg.svd(torch.cat(deltas, 1), full_matrices=False)
    _, r, vh = torch.linalg.svd(torch.cat(deltas), full_matrices=False)
    u, vh = u[:, s > 1e-5 * s[0]], vh[r > 1e-5 * r[0]]
    return u @ ties([u.T @ delta @ vh.T for delta in deltas], density) @ vh


ORACLES = [("columns", knots), ("core", core)]


@pytest.mark.parametrize("density", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("space", "oracle"), ORACLES)
def test_it_is_ties_in_the_singular_vectors(tmp_path, space, oracle, shape, density):
    deltas = drawn(shape, 3)
    found = change(tmp_path, Knots(density=density, space=space), deltas)
    torch.testing.assert_close(found, oracle(deltas, density), rtol=0, atol=1e-10)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_aligned_in_their_factors(tmp_path, shape):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, Knots(), deltas, 2)
    torch.testing.assert_close(found, knots(deltas, 0.2), rtol=0, atol=1e-9)


def test_the_core_of_adapters_is_that_of_their_stacked_factors(tmp_path):
    deltas = drawn((40, 30), 3, rank=2)
    found = change_of_adapters(tmp_path, Knots(density=0.5, space="core"), deltas, 2)
    bs, as_ = [], []
    for delta in deltas:  # as the adapters are made
        u, s, vh = torch.linalg.svd(delta, full_matrices=False)
        bs.append(u[:, :2] * s[:2] / 2 * 2)
        as_.append(vh[:2])
    u = torch.linalg.svd(torch.cat(bs, 1), full_matrices=False).U
    vh = torch.linalg.svd(torch.cat(as_), full_matrices=False).Vh
    cores = [u.T @ b @ a @ vh.T for b, a in zip(bs, as_, strict=True)]
    torch.testing.assert_close(found, u @ ties(cores, 0.5) @ vh, rtol=0, atol=1e-9)


def test_float32_deltas_are_aligned_in_float64(tmp_path):
    deltas = [delta.float().double() for delta in drawn((12, 20), 3)]
    found = change(tmp_path, Knots(density=1.0), deltas, dtype=torch.float32)
    torch.testing.assert_close(found.double(), knots(deltas, 1.0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("space", ["columns", "core"])
def test_the_same_task_twice_is_that_task_and_zeros_change_nothing(tmp_path, space):
    delta = drawn((6, 4), 1)[0]
    for other in (delta, torch.zeros(6, 4).double()):
        found = change(tmp_path, Knots(density=1.0, space=space), [delta, other])
        torch.testing.assert_close(found, delta, rtol=0, atol=1e-9)
    zeros = torch.zeros(6, 4).double()
    assert change(tmp_path, Knots(space=space), [zeros, zeros]).equal(zeros)
