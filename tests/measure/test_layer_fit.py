"""Layers fitted in closed form, beside least squares on the same rows."""

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from studio.errors import NotFinite
from studio.measure.layer_fit import Fed, fit_of, products_of
from studio.recipe import Calibrate

NEARLY_FREE = Calibrate(share=1.0, pull=1e-6)


def drawn(make, count=3):
    layers = []
    for seed in range(count):
        torch.manual_seed(seed)
        layers.append(make().requires_grad_(False))
    return layers


def state(layer):
    return dict(layer.state_dict())


def solved(layers, pairs, options, name="the layer"):
    base, mix, *experts = layers
    fit = fit_of(mix, state(mix), state(base), options, name)
    for expert, each in zip(experts, pairs, strict=True):
        fit.add(products_of(mix, each, options.share), state(expert))
    return fit.solved()


def with_tensors(layer, tensors):
    layer.load_state_dict(tensors)
    return layer.double()


KINDS = {
    "linear": (lambda: nn.Linear(5, 4), (40, 5)),
    "without a bias": (lambda: nn.Linear(5, 4, bias=False), (40, 5)),
    "GPT-2's": (lambda: Conv1D(4, 5), (40, 5)),
    "convolution": (lambda: nn.Conv2d(2, 4, 3, padding=1, stride=2), (6, 2, 9, 9)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), (6, 4, 9, 9)),
    "depthwise": (lambda: nn.Conv2d(3, 3, 3, groups=3, bias=False), (6, 3, 9, 9)),
    "of sound": (lambda: nn.Conv1d(2, 4, 3, dilation=2), (6, 2, 20)),
    "LayerNorm": (lambda: noisy_norm(True), (40, 5)),
    "LayerNorm without a bias": (lambda: noisy_norm(False), (40, 5)),
}


def noisy_norm(bias):
    layer = nn.LayerNorm(5, bias=bias)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_one_expert_on_its_own_inputs_is_found_again(kind):
    make, shape = KINDS[kind]
    layers = drawn(make)
    rows = torch.randn(shape)
    found = solved(layers, [[Fed(rows, rows, None)]], NEARLY_FREE)
    expert = layers[2]
    assert set(found) == set(state(expert))
    for name, values in state(expert).items():
        torch.testing.assert_close(found[name].float(), values, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("kind", ["linear", "without a bias", "GPT-2's"])
def test_what_inputs_have_drifted_by_is_made_up_for(kind):
    """Where a linear map tells the student's inputs from the expert's, the outputs are equal."""
    make, shape = KINDS[kind]
    layers = drawn(make)
    rows, turn = torch.randn(shape), 0.3 * torch.randn(5, 5) + torch.eye(5)
    found = solved(layers, [[Fed(rows @ turn, rows, None)]], NEARLY_FREE)
    mine = with_tensors(make(), found)
    torch.testing.assert_close(
        mine((rows @ turn).double()).float(), layers[2](rows), rtol=1e-2, atol=2e-2
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_strong_pull_leaves_the_mix_or_makes_it_longer(kind):
    make, shape = KINDS[kind]
    layers = drawn(make, 4)
    pairs = [[Fed(torch.randn(shape), torch.randn(shape), None)] for _ in range(2)]
    for length in (1.0, 2.0):
        found = solved(layers, pairs, Calibrate(pull=1e6, length=length))
        for name, base in state(layers[0]).items():
            goal = base + length * (state(layers[1])[name] - base)
            torch.testing.assert_close(found[name].float(), goal, rtol=1e-3, atol=1e-3)


def test_the_length_of_a_scaled_sum_is_found_and_never_shortens_nor_exceeds():
    base, one, other = (each.weight for each in drawn(lambda: nn.Linear(5, 4, bias=False)))
    whole = one + other - 2 * base
    rows = torch.randn(20, 5)
    for coefficient, length in ((0.5, 2.0), (1.0, 1.0), (2.0, 1.0), (0.1, 2.2)):
        layer = nn.Linear(5, 4, bias=False).requires_grad_(False)
        mix, options = base + coefficient * whole, Calibrate(pull=1e6)
        fit = fit_of(layer, {"weight": mix}, {"weight": base}, options, "it")
        for expert in (one, other):
            products = products_of(layer, [Fed(rows, rows, None)], 0.6)
            fit.add(products, {"weight": expert})
        goal = base + length * coefficient * whole
        torch.testing.assert_close(fit.solved()["weight"].float(), goal, rtol=1e-3, atol=1e-3)


def test_padding_is_left_out_and_batches_are_added():
    layer = nn.Linear(5, 4)
    rows, other = torch.randn(3, 6, 5), torch.randn(3, 6, 5)
    real = torch.rand(3, 6) > 0.4
    masked = products_of(layer, [Fed(rows, other, real)], 0.6)
    bare = products_of(layer, [Fed(rows[real], other[real], None)], 0.6)
    halves = [
        Fed(rows[real][:4], other[real][:4], None),
        Fed(rows[real][4:], other[real][4:], None),
    ]
    apart = products_of(layer, halves, 0.6)
    x, y = rows[real].double(), other[real].double()
    target = 0.6 * y + 0.4 * x
    for found in (masked, bare, apart):
        torch.testing.assert_close(found.own[0], x.T @ x / len(x), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found.cross[0], x.T @ target / len(x), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found.mean_own[0], x.mean(0), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found.mean_target[0], target.mean(0), rtol=1e-5, atol=1e-6)


def test_a_layer_that_only_zeros_enter_gets_what_it_is_pulled_to():
    layers = drawn(lambda: nn.Linear(5, 4))
    rows = torch.zeros(8, 5)
    found = solved(layers, [[Fed(rows, rows, None)]], Calibrate(length=1.0))
    torch.testing.assert_close(found["weight"].float(), layers[1].weight)


def test_inputs_that_are_not_finite_are_refused_by_the_layers_name():
    layers = drawn(lambda: nn.Linear(5, 4))
    rows = torch.full((8, 5), torch.nan)
    with pytest.raises(NotFinite, match="body.dense: what enters this layer of the mix"):
        solved(layers, [[Fed(rows, rows, None)]], Calibrate(), "body.dense")
