"""PCB beside its reference, written out with whole sorted matrices."""

import pytest
import torch

from studio.errors import NotFinite
from studio.methods.pcb import Pcb
from tests.methods.by_hand import merged_vector
from tests.methods.changes import change, drawn


def normalized(x):
    low, high = x.min(1, keepdim=True).values, x.max(1, keepdim=True).values
    return (x - low) / (high - low)


def clamped(x, low, high):
    ordered, d = x.sort(1).values, x.shape[1]
    return x.clamp(ordered[:, int(d * low), None], ordered[:, int(d * (1 - high) - 1), None])


def dense(deltas, density, coefficients=None):
    """The reference's merge of stacked flat deltas."""
    checks = torch.stack([delta.flatten() for delta in deltas])
    sizes = clamped(checks.abs(), 1e-4, 1e-4)
    own = torch.exp(len(checks) * normalized(sizes) ** 2)
    balance = own * torch.tanh(checks * checks.sum(0))
    weights = normalized(clamped(balance, 1 - density, 0))
    shares = checks.sign() * sizes * weights / weights.sum(0).clamp(min=1e-12)
    c = torch.tensor(coefficients or [1.0] * len(checks), dtype=torch.float64)
    return (c[:, None] * shares).sum(0).view_as(deltas[0])


@pytest.mark.parametrize("density", [0.05, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(12, 8), (150, 90)])  # 13,500 entries: clipping clips
def test_it_is_the_reference(tmp_path, shape, density):
    deltas = drawn(shape, 3)
    found = change(tmp_path, Pcb(density=density), deltas, (1.0, 0.5, -2.0))
    expected = dense(deltas, density, [1.0, 0.5, -2.0])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_what_pulls_against_the_others_gets_nothing(tmp_path):
    deltas = [[1.0, 2.0, 0.1], [-0.1, 1.0, 0.1], [1.0, 1.0, 0.1]]
    first = merged_vector(tmp_path, Pcb(density=0.9), deltas, [0.0, 1.0, 0.0])
    assert first[0] == 0.0  # the second task's -0.1 against a sum of 1.9
    assert first[1] > 0.0


def test_a_task_of_zeros_competes_for_nothing(tmp_path):
    (tmp_path / "alone").mkdir()
    deltas = [[1.0, 2.0, 4.0, 3.0], [0.0, 0.0, 0.0, 0.0]]
    merged = merged_vector(tmp_path, Pcb(density=0.5), deltas)
    alone = merged_vector(tmp_path / "alone", Pcb(density=0.5), deltas[:1])
    assert merged[1:].count_nonzero() > 0
    assert (merged != 0).equal(alone != 0)


def test_values_that_are_all_alike_are_kept(tmp_path):
    merged = merged_vector(tmp_path, Pcb(), [[0.5, -0.5], [0.5, -0.5]])
    assert merged.tolist() == [0.5, -0.5]


def test_a_value_that_is_none_is_refused(tmp_path):
    with pytest.raises(NotFinite, match="NaN"):
        merged_vector(tmp_path, Pcb(density=1.0), [[float("nan"), 1.0], [1.0, 2.0]])
