"""A head's last layer fitted to probabilities: stays where it is right, and moves no further."""

import pytest
import torch

from studio.errors import NotFinite
from studio.measure.head_fit import fitted_layer
from studio.tasks.last_layer import BIAS, LastLayer

torch.manual_seed(0)
LAST = LastLayer(torch.randn(3, 5), torch.randn(3))
SEEN = torch.randn(40, 5)
MOVED = SEEN + 0.8 * torch.randn(40, 5)
SAID = LAST.scores(SEEN)


def _loss(last, pull=0.0):
    wanted, found = SAID.double().softmax(-1), last.scores(MOVED.double()).log_softmax(-1)
    change = torch.cat([last.weight - LAST.weight, (last.bias - LAST.bias)[:, None]], 1).double()
    held = pull / 2 * MOVED.double().square().mean() * change.square().sum()
    return float(held - (wanted * found).sum(-1).mean())


def test_features_of_the_expert_leave_its_head_to_the_bit():
    found = fitted_layer(LAST, SEEN, SAID, 1.0, "t")
    assert found.weight.equal(LAST.weight)
    assert found.tensors[BIAS].equal(LAST.tensors[BIAS])


def test_it_is_nearer_to_the_expert_and_nothing_beside_it_is_better():
    found = fitted_layer(LAST, MOVED, SAID, 0.1, "t")
    assert _loss(found) < _loss(LAST) - 0.02
    draw = torch.Generator().manual_seed(1)
    best = _loss(found, 0.1)
    for _ in range(20):
        away = 1e-2 * torch.randn(3, 5, generator=draw), 1e-2 * torch.randn(3, generator=draw)
        assert _loss(LastLayer(found.weight + away[0], found.tensors[BIAS] + away[1]), 0.1) > best


def test_a_harder_pull_stays_nearer_to_the_head_as_it_was():
    far = [
        float((fitted_layer(LAST, MOVED, SAID, pull, "t").weight - LAST.weight).norm())
        for pull in (0.01, 1.0, 100.0)
    ]
    assert far[0] > 2 * far[1] > 4 * far[2] > 0


def test_the_pull_does_not_depend_on_the_scale_of_features():
    found = fitted_layer(LAST, MOVED, SAID, 0.5, "t")
    scaled = LastLayer(LAST.weight / 4, None)
    plain = LastLayer(LAST.weight, None)
    one = fitted_layer(plain, MOVED, plain.scores(SEEN), 0.5, "t")
    other = fitted_layer(scaled, 4 * MOVED, plain.scores(SEEN), 0.5, "t")
    assert torch.allclose(one.weight, 4 * other.weight, atol=1e-4)
    assert one.bias is None
    assert found.bias is not None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_named(wrong):
    with pytest.raises(NotFinite, match="'mine': what enters its head holds NaN or infinity"):
        fitted_layer(LAST, torch.full((2, 5), wrong), SAID[:2], 1.0, "mine")
