"""What says of which kind a task is."""

import json
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.new_zoo.kinds import kind_of
from tests.conftest import draw, save_adapter, save_model


def model(folder: Path, **config: object):
    save_model(folder, draw(0))
    (folder / "config.json").write_text(json.dumps(config))
    return open_checkpoint(folder)


def adapter(folder: Path, **config: object):
    factors = {"layer.0.dense": (draw(1, {"a": (2, 4)})["a"], draw(2, {"b": (6, 2)})["b"])}
    return open_checkpoint(save_adapter(folder, factors, **config))


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("BertForSequenceClassification", "text-classification"),
        ("BertForTokenClassification", "token-classification"),
        ("ViTForImageClassification", "image-classification"),
        ("BertForMultipleChoice", "multiple-choice"),
        ("LlamaForCausalLM", "causal-lm"),
        ("GPT2LMHeadModel", "causal-lm"),
        ("T5ForConditionalGeneration", "seq2seq"),
    ],
)
def test_a_full_model_is_what_its_class_says(named, kind, tmp_path):
    base = model(tmp_path / "base", architectures=["BertModel"])
    expert = model(tmp_path / "expert", architectures=[named])
    assert kind_of(base, expert) == (kind, f"its config.json names {named}")


def test_an_adapter_says_its_task_or_else_its_base_does(tmp_path):
    base = model(tmp_path / "base", architectures=["LlamaForCausalLM"])
    tagger = adapter(tmp_path / "tagger", task_type="TOKEN_CLS")
    assert kind_of(base, tagger)[0] == "token-classification"
    features = adapter(tmp_path / "features", task_type="FEATURE_EXTRACTION")
    assert kind_of(base, features) == ("causal-lm", "its base's config.json names LlamaForCausalLM")


def test_rows_with_options_are_chosen_between_by_a_language_model_alone(tmp_path):
    base = model(tmp_path / "base", architectures=["LlamaForCausalLM"])
    plain = adapter(tmp_path / "plain")
    assert kind_of(base, plain, ("question", "Choices"))[0] == "multiple-choice"
    texts = model(tmp_path / "texts", architectures=["BertModel"])
    assert kind_of(texts, plain, ("question", "choices"))[0] == "text-classification"


def test_without_a_word_a_base_that_reads_pictures_decides(tmp_path):
    plain = adapter(tmp_path / "plain")
    pictures = model(tmp_path / "pictures", image_size=32)
    assert kind_of(pictures, plain) == ("image-classification", "its base reads pictures")
    strange = model(tmp_path / "strange", architectures="BertForSequenceClassification")
    assert kind_of(strange, plain)[0] == "text-classification"
