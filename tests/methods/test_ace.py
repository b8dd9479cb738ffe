import pytest
import torch

from studio.methods.ace import Ace, unevenness
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def dense_ace(deltas, epsilon=1e-5, threshold=0.3, share=0.3):
    """The formula with whole covariances, inverses and a whole SVD."""
    n, (out, width) = len(deltas), deltas[0].shape
    energies = torch.stack([delta.square().sum() for delta in deltas])
    logs = energies.log()
    uneven = bool(logs.var() / logs.mean() ** 2 > threshold)
    eye = torch.eye(width).double()
    covariances, regularized, centered = [], [], []
    for delta in deltas:
        z = delta - delta.mean(0)
        divisor = (z.T @ z).trace() if uneven else torch.ones(())
        centered.append(z)
        covariances.append(z.T @ z / divisor)
        regularized.append(z.T @ z / divisor + epsilon / divisor * eye)
    prior = sum(covariances).mean(0) / (energies.mean() if uneven else 1.0)  # type: ignore[union-attr]
    right = sum(z @ s for z, s in zip(centered, regularized, strict=True))
    tau = right @ torch.linalg.inv(sum(regularized) + prior.expand(width, width))
    if uneven:
        mean = sum(regularized) / n
        spread = sum(d @ (s - mean) for d, s in zip(deltas, covariances, strict=True)) + tau
        u, s, vh = torch.linalg.svd(spread, full_matrices=False)
        k = min(int(min(out, width) * share), int((s > 1e-7 * s[0]).sum()))
        if k:
            tau = tau + s[:k].mean() * u[:, :k] @ vh[:k]
    return tau


@pytest.mark.parametrize("threshold", [0.0, 1e6])  # refined or not
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_dense_formula(tmp_path, shape, threshold):
    deltas = drawn(shape, 3)
    options = {"threshold": threshold, "epsilon": 1e-3, "share": 0.5}
    found = change(tmp_path, Ace(**options), deltas)
    torch.testing.assert_close(found, dense_ace(deltas, **options), rtol=0, atol=1e-9)


@pytest.mark.parametrize("threshold", [0.0, 1e6])
def test_float32_deltas_are_solved_for_in_float64(tmp_path, threshold):
    deltas = [delta.float().double() for delta in drawn((12, 8), 3)]
    found = change(tmp_path, Ace(threshold=threshold), deltas, dtype=torch.float32)
    expected = dense_ace(deltas, threshold=threshold).float()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("threshold", [0.0, 1e6])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_are_solved_for_in_their_row_space(tmp_path, shape, threshold):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path, Ace(threshold=threshold), deltas, 2)
    expected = dense_ace(deltas, threshold=threshold)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


def test_a_large_epsilon_is_the_mean_of_the_centered_deltas(tmp_path):
    first = drawn((6, 4), 1)[0]
    found = change(tmp_path, Ace(epsilon=1e3, share=0.0, threshold=1e6), [first, -0.5 * first])
    expected = 0.25 * (first - first.mean(0))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


def test_tasks_are_uneven_by_their_log_energies():
    assert unevenness([2.0]) == 0.0
    assert unevenness([3.0, 3.0]) == 0.0
    # logs 1 and 3: variance 2, mean 2
    assert unevenness([torch.e, torch.e**3]) == pytest.approx(0.5)
