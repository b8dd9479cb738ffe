"""Encoder-decoders: the encoder runs once per text, and the logits are the class's own."""

from typing import Any

import pytest
import torch
import transformers
from torch import nn

from studio.errors import BadCheckpoint, BadData
from studio.tasks.kinds.encoder_decoder import (
    TeacherForced,
    real_positions,
    refuse_other_logits,
    target_inputs,
)
from tests.tasks.kinds import choosers


@pytest.fixture(params=sorted(choosers.TRANSLATORS))
def model(request) -> Any:
    torch.manual_seed(0)
    return choosers.TRANSLATORS[request.param]().eval()


def test_a_text_is_read_once_for_all_its_targets(model):
    inputs = target_inputs([[1, 2, 3], [4, 5]], [[[6], [7, 8]], [[9, 9, 9]]], 258)
    assert inputs["owners"].tolist() == [0, 0, 1]
    assert inputs["labels"].tolist() == [
        [6, -100, -100, -100], [7, 8, -100, -100], [9, 9, 9, -100],
    ]  # fmt: skip  # one wider than the texts, so that shapes tell them apart
    seen = []
    model.get_encoder().register_forward_hook(lambda *given: seen.append(len(given[2][0])))
    with torch.no_grad():
        states = TeacherForced(model)(**inputs).last_hidden_state
        whole = model(input_ids=torch.tensor([[4, 5]]), labels=torch.tensor([[9, 9, 9]]))
    assert seen == [2, 1]
    assert tuple(states.shape) == (3, 4, 16)
    texts, each, targets = real_positions(inputs)
    assert texts.tolist() == [[True, True, True], [True, True, False]]
    assert each.tolist() == [[True] * 3, [True] * 3, [True, True, False]]
    assert targets.sum(1).tolist() == [1, 2, 3]
    assert whole.logits.shape == (1, 3, 259)


def test_without_targets_it_is_the_body():
    torch.manual_seed(0)
    model: Any = choosers.TRANSLATORS["BART"]().eval()
    given = {"input_ids": torch.tensor([[1, 2]]), "attention_mask": torch.ones(1, 2)}
    with torch.no_grad():
        found = TeacherForced(model)(**given).last_hidden_state
        torch.testing.assert_close(found, model.model(**given).last_hidden_state)


def test_a_class_that_answers_otherwise_is_refused_by_trying_it(model):
    whole = TeacherForced(model)
    refuse_other_logits("a", whole)
    own = model.forward
    model.forward = lambda *args, **given: _colder(own(*args, **given), given)
    with pytest.raises(BadData, match="'a': .* answers otherwise than by the last layer on its"):
        refuse_other_logits("a", whole)


_START: dict[str, Any] = {"decoder_start_token_id": 1}
_OTHERS = {
    "ProphetNet": lambda: transformers.ProphetNetForConditionalGeneration(
        transformers.ProphetNetConfig(
            vocab_size=60, hidden_size=16, encoder_ffn_dim=24, decoder_ffn_dim=24,
            num_encoder_layers=1, num_decoder_layers=1, num_encoder_attention_heads=2,
            num_decoder_attention_heads=2, max_position_embeddings=40,
            **_START,
        )
    ),
    "Switch Transformers": lambda: transformers.SwitchTransformersForConditionalGeneration(
        transformers.SwitchTransformersConfig(
            vocab_size=60, d_model=16, d_ff=24, d_kv=8, num_layers=2, num_decoder_layers=2,
            num_heads=2, num_experts=2, **_START,
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", _OTHERS)
def test_a_class_that_cannot_be_asked_by_its_decoders_states_is_refused_in_words(family):
    torch.manual_seed(0)
    with pytest.raises(BadData, match="'a': .* answers otherwise than by the last layer on its"):
        refuse_other_logits("a", TeacherForced(_OTHERS[family]().eval()))


def _colder(output, given):
    if given.get("labels") is not None:
        output.logits = output.logits / 2
    return output


def test_a_class_that_makes_no_input_of_targets_is_refused():
    with pytest.raises(BadCheckpoint, match="Linear has no prepare_decoder_input_ids_from_l"):
        TeacherForced(nn.Linear(1, 1))
