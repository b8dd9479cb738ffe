"""CART beside the dense formula, and its parts."""

import math

import pytest
import torch

from studio.checkpoints.low_rank import Product
from studio.component import component
from studio.merge import open_merge
from studio.methods.cart import Cart
from studio.recipe import Recipe, TaskEntry
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def parts(deltas, rank, directions, shared=1.0, private=1.0):
    """Every task's component with whole matrices."""
    mean = torch.stack(deltas).mean(0)
    count = math.ceil(rank * directions)
    found = []
    for delta in deltas:
        u, s, vh = torch.linalg.svd(delta - mean, full_matrices=False)
        top = u[:, :count] @ torch.diag(s[:count]) @ vh[:count]
        found.append(shared * delta / len(deltas) + private * top)
    return found


@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 3e-6)])
@pytest.mark.parametrize("shape", SHAPES)
def test_full_rank_is_the_dense_formula(tmp_path, shape, dtype, near):
    deltas = drawn(shape, 3)
    expected = parts(deltas, 0.3, min(shape), 0.9, 1.4)
    method = Cart(rank=0.3, shared=0.9, private=1.4)
    found = change(tmp_path, method, deltas, (1.0, 0.5, -2.0), dtype=dtype)
    total = sum(c * part for c, part in zip((1.0, 0.5, -2.0), expected, strict=True))
    torch.testing.assert_close(found.double(), total, rtol=0, atol=near)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_of_adapters_the_share_is_of_their_ranks_and_parts_stay_products(tmp_path, shape):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, Cart(rank=0.3), deltas, 2)  # ceil(0.3 * 6) = 2 of 6
    expected = torch.stack(parts(deltas, 0.3, 6)).sum(0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}"), 1.0) for i in range(3))
    merge = open_merge(Recipe(str(tmp_path / "base"), tasks, "cart", {"rank": 0.3}))
    compact = merge.vectors.at("dense.weight").compact
    assert all(isinstance(each, Product) and len(each.a) == 2 + 2 for each in compact)


def test_with_every_direction_departures_cancel_and_the_mean_is_left(tmp_path):
    deltas = drawn((8, 12), 3)
    found = change(tmp_path, Cart(rank=1.0), deltas)
    torch.testing.assert_close(found, torch.stack(deltas).mean(0), rtol=0, atol=1e-12)
    none = change(tmp_path, Cart(rank=0.0), deltas)
    torch.testing.assert_close(none, torch.stack(deltas).mean(0), rtol=0, atol=1e-12)


def test_the_same_task_twice_is_that_task_and_zeros_have_no_part(tmp_path):
    delta = drawn((6, 4), 1)[0]
    assert change(tmp_path, Cart(), [delta, delta]).allclose(delta, atol=1e-14)
    found = change(tmp_path, Cart(rank=1.0), [delta, torch.zeros(6, 4).double()])
    torch.testing.assert_close(found, delta, rtol=0, atol=1e-12)  # half of it, and half departs


def test_a_slider_moves_its_own_part_alone(tmp_path):
    deltas = drawn((12, 8), 3)
    change(tmp_path, Cart(), deltas)
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}"), 1.0) for i in range(3))
    merge = open_merge(Recipe(str(tmp_path / "base"), tasks, "cart", {"rank": 0.25}))
    for i, expected in enumerate(parts(deltas, 0.25, 8)):
        own = component(merge, f"t{i}")["dense.weight"].view(12, 8)
        torch.testing.assert_close(own, expected, rtol=0, atol=1e-12)


def test_vectors_take_the_mean(tmp_path):
    deltas = [torch.tensor([1.0, 2.0]).double(), torch.tensor([3.0, -2.0]).double()]
    assert change(tmp_path, Cart(), deltas).tolist() == [2.0, 0.0]
