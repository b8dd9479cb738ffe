import pytest
import torch
from safetensors.torch import load_file

from studio.methods.wudi import Wudi
from tests.conftest import GOLDEN, golden
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def loss(tau, deltas):
    """The paper's, Eq. 10, of one matrix."""
    return sum(
        ((tau - delta) @ delta.T).square().sum() / delta.square().sum() for delta in deltas
    ).item()  # type: ignore[union-attr]


def least_squares(deltas, ridge):
    """The minimum as one dense least-squares problem in tau^T."""
    n, width = len(deltas), deltas[0].shape[1]
    pull = (ridge * n / width) ** 0.5
    left = torch.cat([d / d.norm() for d in deltas] + [pull * torch.eye(width).double()])
    right = torch.cat([d @ d.T / d.norm() for d in deltas] + [pull * torch.stack(deltas).sum(0).T])
    return torch.linalg.lstsq(left, right).solution.T


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_closed_form_is_the_least_squares_solution(tmp_path, shape, ridge):
    deltas = drawn(shape, 3)
    found = change(tmp_path, Wudi(ridge=ridge), deltas)
    torch.testing.assert_close(found, least_squares(deltas, ridge), rtol=0, atol=1e-9)


def test_float32_deltas_are_solved_for_in_float64(tmp_path):
    deltas = [delta.float().double() for delta in drawn((12, 40), 3)]
    found = change(tmp_path, Wudi(ridge=1e-5), deltas, dtype=torch.float32)
    expected = least_squares(deltas, 1e-5).float()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_solved_for_in_their_row_space(tmp_path, shape):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, Wudi(), deltas, 2)
    torch.testing.assert_close(found, least_squares(deltas, 1e-3), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("key", "rounded"), [("a", (0.226, 0.192, 0.062)), ("b", None)])
def test_its_loss_is_below_the_published_iterations(tmp_path, key, rounded):
    inputs, name = load_file(GOLDEN / "inputs_f64.safetensors"), f"{key}.weight"
    base = inputs[f"base/{name}"]
    deltas = [inputs[f"task{i}/{name}"] - base for i in range(4)]
    iterated = golden("wudi_iter300")[name] - base
    losses = [
        loss(tau, deltas) for tau in (sum(deltas), iterated, change(tmp_path, Wudi(), deltas))
    ]
    assert losses == sorted(losses, reverse=True)
    assert rounded is None or losses == pytest.approx(rounded, abs=6e-4)


def test_a_large_ridge_is_task_arithmetic(tmp_path):
    deltas = drawn((6, 4), 2)
    found = change(tmp_path, Wudi(ridge=1000.0), deltas)
    torch.testing.assert_close(found, deltas[0] + deltas[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_leaves_one_task_its_delta(tmp_path, dtype):
    delta = drawn((6, 4), 1)[0].to(dtype)
    assert change(tmp_path, Wudi(solver="adam"), [delta], dtype=dtype).equal(delta)


def test_adam_takes_the_steps_it_is_told(tmp_path):
    deltas = drawn((6, 4), 2)
    found = change(tmp_path, Wudi(solver="adam", steps=2), deltas)
    moved = (found - deltas[0] - deltas[1]).abs().max()
    assert 1.9e-5 < moved < 2.001e-5
