"""What each name of a checkpoint is to its class: of the body, of a head, old, or wrapped."""

from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.names import named
from studio.errors import BadCheckpoint, ShapeMismatch
from tests.conftest import save_model

SIZE: dict[str, Any] = {
    "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 16,
}  # fmt: skip


@pytest.fixture
def zoo(tmp_path):
    BertModel(BertConfig(**SIZE)).save_pretrained(tmp_path / "base")
    BertForSequenceClassification(BertConfig(**SIZE)).save_pretrained(tmp_path / "expert")
    return tmp_path


def laid(zoo, change):
    file = zoo / "expert" / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})
    return join(open_checkpoint(zoo / "base"), "expert", open_checkpoint(zoo / "expert"))


def test_a_classifier_on_its_body(zoo):
    base = open_checkpoint(zoo / "base")
    found = join(base, "expert", open_checkpoint(zoo / "expert"))
    assert found.prefix == "bert."
    assert set(found.shared) == set(base.names)
    assert set(found.private) == {"classifier.weight", "classifier.bias"}
    assert found.notes == ()


def test_old_buffers_are_left_out_and_told(zoo):
    found = laid(zoo, lambda t: t | {"bert.embeddings.position_ids": torch.arange(16)[None]})
    assert "position_ids" not in str(found.private)
    assert "does not read are left out: bert.embeddings.position_ids" in found.notes[-1]


def test_what_the_class_does_not_know_is_left_out_as_transformers_does_and_told(zoo):
    made_up = ["bert.encoder.layer.0.gadget.weight", "bert.encoder.layer.0.gadget.bias"]
    found = laid(zoo, lambda t: t | {name: torch.ones(16) for name in made_up})
    loaded: Any = BertForSequenceClassification.from_pretrained(
        zoo / "expert", output_loading_info=True
    )
    report = loaded[1]
    assert {*report["unexpected_keys"]} == {*made_up}
    (note,) = found.notes
    assert note == (
        f"2 tensors that its class does not read are left out: {', '.join(sorted(made_up))}."
    )
    assert not {*made_up} & {*found.shared.values(), *found.private.values()}


def test_old_and_wrapped_names_are_read_and_told(zoo):
    found = laid(
        zoo,
        lambda t: {
            f"_orig_mod.{n.replace('LayerNorm.weight', 'LayerNorm.gamma')}": x for n, x in t.items()
        },
    )
    assert len(found.shared) == len(open_checkpoint(zoo / "base").names)
    assert "have other names in it: _orig_mod.bert." in found.notes[0]


def test_what_neither_the_base_nor_a_head_has_is_refused_by_name(zoo):
    with pytest.raises(ShapeMismatch, match="layers that the base does not have: encoder.layer.1"):
        laid(zoo, lambda t: t | {"bert.encoder.layer.1.output.dense.bias": torch.ones(16)})


def test_two_tensors_of_one_name_are_refused(zoo):
    name = "bert.embeddings.LayerNorm"
    with pytest.raises(BadCheckpoint, match="both as"):
        laid(zoo, lambda t: t | {f"{name}.gamma": t[f"{name}.weight"].clone()})
    checkpoint = open_checkpoint(zoo / "base")
    assert all(
        named(checkpoint, checkpoint).required(n) for n in checkpoint.names if "pooler" not in n
    )


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_old_buffers_on_both_sides_are_left_out(tmp_path, prefix):
    names = ("embeddings.position_ids", "encoder.layer.0.attention.self.x.rotary_emb.inv_freq")
    config = BertConfig(**SIZE)
    torch.manual_seed(0)
    model = BertModel(config)
    for name, at, shift in (("base", "", 0.0), ("expert", prefix, 1.0)):
        tensors = {f"{at}{n}": t + shift for n, t in model.state_dict().items()}
        tensors[f"{at}{names[0]}"] = torch.arange(16)[None] + int(shift)
        tensors[f"{at}{names[1]}"] = torch.rand(4)
        save_model(tmp_path / name, tensors)
        model.config.save_pretrained(tmp_path / name)
    base, expert = (open_checkpoint(tmp_path / name) for name in ("base", "expert"))
    found = join(base, "law", expert)
    assert set(found.shared) == set(model.state_dict())
    assert not found.private
    assert any("2 tensors that its class does not read are left out" in n for n in found.notes)
