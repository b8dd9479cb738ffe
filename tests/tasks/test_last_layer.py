"""The last layer of a head: found in a class as in a file, left out, and put back."""

from typing import Any

import pytest
import torch
import transformers
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from studio.tasks.heads import LinearHead
from studio.tasks.last_layer import BIAS, WEIGHT, last_layer, open_ended, refitted_head
from studio.tasks.own_class import OwnHead, built

WIDTH = 8


def _head(name: str, order: tuple[int, ...] | None = None, **more) -> OwnHead:
    """A class on drawn weights."""
    kind = getattr(transformers, name)
    config = kind.config_class(
        vocab_size=11, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, num_labels=3, **more,
    ).to_dict()  # fmt: skip
    model, drawn = built(name, config), torch.Generator().manual_seed(0)
    own = {
        key: torch.randn(each.shape, generator=drawn)
        for key, each in model.state_dict().items()
        if not key.startswith(f"{model.base_model_prefix}.")
    }
    return OwnHead(name, config, own, order)


def _output(rows: int = 4):
    drawn = torch.Generator().manual_seed(1)
    states = torch.randn(rows, 5, WIDTH, generator=drawn)
    pooled = torch.randn(rows, WIDTH, generator=drawn)
    inputs = {"input_ids": torch.ones(rows, 5).long(), "attention_mask": torch.ones(rows, 5).long()}
    output: Any = BaseModelOutputWithPoolingAndCrossAttentions
    return output(last_hidden_state=states, pooler_output=pooled), inputs, torch.arange(rows)


HEADS = {
    "a pooled vector": _head("BertForSequenceClassification"),
    "two layers, labels in another order": _head("RobertaForSequenceClassification", (2, 0, 1)),
    "a vector per token": _head("BertForTokenClassification"),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_of_a_class_what_enters_it_and_the_layer_give_the_scores(head):
    last: Any = last_layer(head)
    ended: Any = open_ended(head)
    assert last.weight.shape == (3, WIDTH)
    entered, scores = ended.logits(*_output()), head.logits(*_output())
    assert entered.shape[-1] == WIDTH
    assert torch.allclose(last.scores(entered), scores, atol=1e-5)
    same: Any = refitted_head(head, last.tensors)
    assert same.logits(*_output()).equal(scores)
    other: Any = refitted_head(head, {WEIGHT: last.weight.flip(0), BIAS: last.bias.flip(0)})
    assert torch.allclose(other.logits(*_output()), scores.flip(-1), atol=1e-5)
    assert {**other.tensors}.keys() == {**head.tensors}.keys()
    assert other.order == head.order


def test_of_a_file_it_is_all_but_the_pooler():
    pooler = torch.eye(2), torch.zeros(2)
    head = LinearHead(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.5, 0.0]), pooler)
    states = torch.tensor([[1.0, -1.0]])
    ended: Any = open_ended(head)
    assert ended(states).equal(states)
    assert ended.pooler is pooler
    last: Any = last_layer(head)
    assert last.scores(states).tolist() == [[-0.5, -1.0]]
    found: Any = refitted_head(head, {WEIGHT: head.weight * 2, BIAS: head.bias})
    assert found(states).tolist() == [[-1.5, -2.0]]
    assert found.pooler is pooler


def test_one_number_per_option_and_no_head_at_all_have_none():
    assert last_layer(None) is None
    assert last_layer(_head("BertForMultipleChoice")) is None
