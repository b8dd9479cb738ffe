"""Blocks of a small BERT: its layers, and each table and dense layer outside of them."""

import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.blocks import blocks_of
from studio.measure.layer_order import layers_of
from studio.measure.layer_walk import read_rows
from studio.tasks.live_model import LiveModel
from studio.zoo import load_zoo


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture
def model(bench):
    return LiveModel(bench.base, torch.device("cpu"), bench.kinds)


def blocks(bench, model):
    inputs = {n: read_rows(model, task, 4)[0].inputs for n, task in bench.tasks.items()}
    return blocks_of(model, layers_of(model, inputs), next(iter(inputs.values())))


def test_the_layers_of_a_bert_are_blocks_and_hold_every_tensor_once(bench, model):
    found = blocks(bench, model)
    tables = ("word_embeddings", "token_type_embeddings", "position_embeddings", "LayerNorm")
    assert [each.words for each in found] == [
        *(f"embeddings.{each}" for each in tables), "encoder.layer.0", "encoder.layer.1",
        "pooler.dense",
    ]  # fmt: skip
    names = [name for each in found for name in each.names]
    assert len(names) == len(set(names))
    assert set(names) == set(bench.base.names)
    assert [len(each.fitted) for each in found] == [0, 0, 0, 0, 6, 6, 1]
    assert found[4].fitted["encoder.layer.0.output.dense.weight"] is (
        model.encoder.encoder.layer[0].output.dense
    )


def test_a_part_that_no_pass_calls_is_no_block_and_its_layers_are(bench, model):
    layer = model.encoder.encoder.layer[0]
    usual = type(layer).forward
    type(model.encoder.encoder).forward, before = (
        lambda encoder, states, *rest, **named: _through(encoder, states, usual, rest, named),
        type(model.encoder.encoder).forward,
    )
    try:
        found = [each.words for each in blocks(bench, model)]
    finally:
        type(model.encoder.encoder).forward = before
    assert "encoder.layer.0" not in found
    assert "encoder.layer.0.output.dense" in found
    assert "encoder.layer.1" in found


def _through(encoder, states, usual, rest, named):
    """The first layer's forward, and the second as the module that it is."""
    from transformers.modeling_outputs import BaseModelOutputWithPast

    first, second = encoder.layer
    found = usual(first, states, *rest, **named)
    states = found[0] if isinstance(found, tuple) else found
    found = second(states, *rest, **named)
    return BaseModelOutputWithPast(
        last_hidden_state=found[0] if isinstance(found, tuple) else found
    )
