"""Passes in lockstep: one at a time, layer by layer, and none is left behind."""

import threading

import pytest
import torch
from torch import nn

from studio.measure.lockstep import in_lockstep


def layers_and_runs(count=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).requires_grad_(False)
    inputs = [torch.randn(5, 3) for _ in range(count)]
    outputs: list[torch.Tensor] = []
    runs = [lambda x=x: outputs.append(model(x)) for x in inputs]
    return model, inputs, runs, outputs


def test_every_pass_waits_before_every_layer_with_what_enters_it():
    model, inputs, runs, outputs = layers_and_runs()
    with in_lockstep([model[0], model[2]], runs) as passes:
        for each, x in zip(passes, inputs, strict=True):
            each.advance()
            assert each.layer is model[0]
            assert each.states is x
        first = [model[:2](x) for x in inputs]
        for each, x in zip(passes, first, strict=True):
            each.advance()
            assert each.layer is model[2]
            torch.testing.assert_close(each.states, x)
        assert outputs == []
        for each in passes:
            each.advance()
            assert each.layer is None
    for found, x in zip(outputs, inputs, strict=True):
        torch.testing.assert_close(found, model(x))


def test_a_layer_may_change_between_two_passes_that_wait_before_it():
    model, inputs, runs, outputs = layers_and_runs(2)
    with in_lockstep([model[0]], runs) as passes:
        for each in passes:
            each.advance()
        passes[0].advance()
        before = outputs[0].clone()
        next(model.parameters()).zero_()
        passes[1].advance()
    assert not torch.allclose(before, model(inputs[0]))
    torch.testing.assert_close(outputs[1], model(inputs[1]))


def test_what_a_pass_raises_is_raised_where_it_is_waited_for():
    model, _, _, _ = layers_and_runs()
    with in_lockstep([model[0]], [lambda: model(torch.zeros(5, 7))]) as (only,):
        only.advance()
        with pytest.raises(RuntimeError, match="mat1 and mat2"):
            only.advance()
        assert only.layer is None


def test_passes_that_wait_are_dropped_and_the_model_is_free_again():
    model, inputs, runs, outputs = layers_and_runs()
    with in_lockstep([model[0], model[2]], runs) as passes:
        for place in (0, 1, 1):
            passes[place].advance()
    assert outputs == []
    assert not any(each.name == "pass" for each in threading.enumerate())
    assert model(inputs[0]).shape == (5, 2)


def test_layers_that_are_called_by_name_wait_too():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(3)

        def forward(self, states):
            return self.norm(input=states)

    model, given = Named(), torch.randn(2, 3)
    with in_lockstep([model.norm], [lambda: model(given)]) as (only,):
        only.advance()
        assert only.states is given
