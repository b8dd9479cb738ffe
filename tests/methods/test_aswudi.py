"""Spectral WUDI beside the dense formula."""

import math

import pytest
import torch

from studio.methods.ace import Ace
from studio.methods.aswudi import AsWudi
from studio.methods.continual_ties import ContinualTies
from studio.methods.wudi import Wudi
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def fading(shape, n):
    """Deltas that use their inputs less and less, so that a few directions take part."""
    return [delta * 0.7 ** torch.arange(shape[1]).double() for delta in drawn(shape, n)]


def dense(deltas, filtering="participation", start="sum", time=1300.0, kept=0.65):
    """The formula with whole matrices and every eigenvalue."""
    width, total = deltas[0].shape[1], torch.stack(deltas).sum(0)
    found = total if start == "sum" else total / len(deltas)
    covariances = [d.T @ d / d.square().sum() for d in deltas]
    values, vectors = torch.linalg.eigh(torch.stack(covariances).sum(0))
    values = values.clamp(min=1e-8)
    pulled = torch.stack([d @ c for d, c in zip(deltas, covariances, strict=True)]).sum(0)
    if filtering == "participation":
        count = math.ceil(values.sqrt().sum() ** 2 / values.sum())
        share = torch.ones(width).double()
    else:
        count = math.ceil(kept * width)
        share = 1 - torch.exp(-time * values)
    share[: width - count] = 0.0  # they rise
    onto = vectors @ torch.diag(share) @ vectors.T
    scaled = vectors @ torch.diag(share / values) @ vectors.T
    return found - found @ onto + pulled @ scaled


@pytest.mark.parametrize("start", ["sum", "mean"])
@pytest.mark.parametrize("filtering", ["participation", "decay"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_dense_formula(tmp_path, shape, filtering, start):
    deltas = fading(shape, 3)
    found = change(tmp_path, AsWudi(filter=filtering, start=start), deltas)
    torch.testing.assert_close(found, dense(deltas, filtering, start), rtol=0, atol=1e-9)


@pytest.mark.parametrize("filtering", ["participation", "decay"])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_worked_on_in_their_row_space(tmp_path, shape, filtering):
    deltas = drawn(shape, 3, rank=2)
    method = AsWudi(filter=filtering, time=5.0)
    found = change_of_adapters(tmp_path, method, deltas, 2)
    torch.testing.assert_close(found, dense(deltas, filtering, time=5.0), rtol=0, atol=1e-7)


def test_float32_deltas_are_worked_on_in_float64(tmp_path):
    deltas = [delta.float().double() for delta in drawn((12, 40), 3)]
    found = change(tmp_path, AsWudi(), deltas, dtype=torch.float32)
    torch.testing.assert_close(found, dense(deltas).float(), rtol=0, atol=1e-6)


def test_fewer_directions_are_worked_on_than_there_are(tmp_path):
    deltas = fading((24, 12), 3)
    near = change(tmp_path, Wudi(ridge=1e-6), deltas)
    assert float((dense(deltas) - near).norm()) > 0.1 * float(near.norm())
    every = change(tmp_path, AsWudi(filter="decay", time=1e9, kept=1.0), deltas)
    torch.testing.assert_close(every, near, rtol=0, atol=2e-3)  # all of them: WUDI's minimum


def test_deltas_of_disjoint_inputs_are_added_and_a_task_of_zeros_is_none(tmp_path):
    left, right = drawn((6, 4), 2)
    left[:, 2:], right[:, :2] = 0.0, 0.0
    found = change(tmp_path, AsWudi(), [left, right])
    torch.testing.assert_close(found, left + right, rtol=0, atol=1e-12)
    found = change(tmp_path, AsWudi(), [left, torch.zeros(6, 4).double()])
    torch.testing.assert_close(found, left, rtol=0, atol=1e-12)


def test_the_same_task_twice_is_that_task_where_the_filter_reaches(tmp_path):
    delta = drawn((6, 4), 1)[0]
    found = change(tmp_path, AsWudi(filter="decay", time=1e9, kept=1.0), [delta, delta])
    torch.testing.assert_close(found, delta, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", [AsWudi, Wudi, Ace])
def test_the_mixer_starts_it_at_about_the_length_of_one_task(method):
    assert [method.starting_coefficient(n) for n in (1, 4, 6)] == [1.0, 0.5, 0.41]
    assert method.default_coefficient == 1.0  # what a file without coefficients goes on to mean


def test_continual_ties_starts_at_one_over_n():
    assert [ContinualTies.starting_coefficient(n) for n in (1, 4, 6)] == [1.0, 0.25, 0.17]
