"""Settings that a merge does not take over from a checkpoint are told, and no others."""

import json
from typing import Any

import pytest
from transformers import BertConfig, BertForSequenceClassification, BertModel, LlamaConfig
from transformers import LlamaForCausalLM as Llama

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.settings import other_settings, settings_notes
from tests.architectures import moved

SMALL: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip


def llamas(tmp_path, **changes):
    """A base and an expert whose ``config.json`` has some other entries."""
    model = Llama(LlamaConfig(**SMALL))
    model.save_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "expert")
    file = tmp_path / "expert" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return open_checkpoint(tmp_path / "base"), open_checkpoint(tmp_path / "expert")


def test_what_changes_the_answer_is_a_note_of_the_join(tmp_path):
    scaled = {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}
    base, expert = llamas(tmp_path, rms_norm_eps=0.01, rope_parameters=scaled)
    assert other_settings(base, expert) == {
        "rms_norm_eps": (1e-6, 0.01),
        "rope_parameters.factor": (None, 2.0),
        "rope_parameters.rope_theta": (10000.0, 5000.0),
        "rope_parameters.rope_type": ("default", "linear"),
    }
    (note,) = settings_notes(base, expert)
    assert "rms_norm_eps is 0.01 and not 1e-06" in note
    assert note in join(base, "law", expert).notes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_cache": False, "bos_token_id": 5, "attention_dropout": 0.3, "dtype": "float16"},
        {"max_position_embeddings": 128, "transformers_version": "4.1.0", "_name_or_path": "x"},
        {"my_own_entry": 3},
    ],
)
def test_what_no_body_computes_with_is_not_told(tmp_path, changes):
    base, expert = llamas(tmp_path, **changes)
    assert settings_notes(base, expert) == []


def test_a_classifier_of_the_same_body_has_no_other_settings(tmp_path):
    config = BertConfig(**SMALL, type_vocab_size=2)
    BertModel(config).save_pretrained(tmp_path / "base")
    config.id2label = {0: "no", 1: "yes", 2: "perhaps"}
    config.classifier_dropout = 0.2
    BertForSequenceClassification(config).save_pretrained(tmp_path / "expert")
    base, expert = open_checkpoint(tmp_path / "base"), open_checkpoint(tmp_path / "expert")
    assert settings_notes(base, expert) == []
