"""Layers in forward order, and models that cannot be walked."""

import pytest
import torch
from transformers import AlbertConfig, AlbertModel

from studio.errors import BadRecipe
from studio.measure.bench import Bench
from studio.measure.layer_order import layers_of, no_way
from studio.measure.layer_walk import read_rows
from studio.tasks.live_model import LiveModel
from studio.zoo import load_zoo

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


@pytest.fixture
def model(bench):
    return LiveModel(bench.base, CPU, bench.kinds)


def inputs(bench, model):
    return {n: read_rows(model, task, 4)[0].inputs for n, task in bench.tasks.items()}


def test_a_bert_is_walked_from_its_tables_to_its_pooler(bench, model):
    layers = layers_of(model, inputs(bench, model))
    words = [layer.words for layer in layers.order]
    tables = ("word_embeddings", "token_type_embeddings", "position_embeddings", "LayerNorm")
    assert words[:4] == [f"embeddings.{each}" for each in tables]
    assert words[4:7] == [f"encoder.layer.0.attention.self.{x}" for x in ("query", "key", "value")]
    assert words[-1] == "pooler.dense"
    assert [layer.fitted for layer in layers.order] == [False] * 3 + [True] * (len(words) - 3)
    assert {name for layer in layers.order for name in layer.names} == set(bench.base.names)
    assert layers.loose == ()
    assert [*layers.order[3].names.values()] == ["weight", "bias"]


def test_a_tensor_that_no_layer_of_its_own_holds_is_loose(bench, model):
    dense = model.encoder.pooler.dense
    model.encoder.pooler.dense.forward = None
    model.encoder.pooler.forward = lambda x: x[:, 0] @ dense.weight.T + dense.bias
    layers = layers_of(model, inputs(bench, model))
    assert set(layers.loose) == {"pooler.dense.weight", "pooler.dense.bias"}


def test_a_weight_that_is_also_a_table_is_not_fitted(bench, model):
    query = model.encoder.encoder.layer[0].attention.self.query
    table = torch.nn.Embedding(16, 16)
    table.weight = query.weight
    model.whole.extra = table
    layers = layers_of(model, inputs(bench, model))
    by_words = {layer.words: layer for layer in layers.order}
    assert not by_words["encoder.layer.0.attention.self.query"].fitted
    assert by_words["encoder.layer.0.attention.self.key"].fitted


def test_shared_layers_are_refused_by_name(bench, model):
    config = AlbertConfig(
        vocab_size=16, embedding_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=32,
    )  # fmt: skip
    given = inputs(bench, model)
    model.whole = model.encoder = AlbertModel(config).eval()
    with pytest.raises(BadRecipe, match=r"AlbertModel cannot .*: \S+ is passed 3 times"):
        layers_of(model, given)


def test_tasks_that_take_different_ways_are_named(bench, model):
    given = inputs(bench, model)
    layer, asked = model.encoder.encoder.layer[1], []
    usual = layer.forward

    def once(states, *rest, **named):
        asked.append(None)
        return usual(states, *rest, **named) if len(asked) == 1 else states

    layer.forward = once
    with pytest.raises(BadRecipe, match="rows of 'color' and of 'animal' pass its layers"):
        layers_of(model, given)


def test_a_model_without_such_layers_is_refused(bench, model, monkeypatch):
    given = inputs(bench, model)
    monkeypatch.setattr("studio.measure.layer_order.FITTED", ())
    with pytest.raises(BadRecipe, match="none of its layers is a linear one or a convolution"):
        layers_of(model, given)


def test_the_refusal_says_what_to_do(model):
    assert "Leave 'calibrate' out" in str(no_way(model, "it is so"))
