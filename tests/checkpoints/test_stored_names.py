"""Names in an adapter's file without wrappers and without the adapter's name."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM

from studio.checkpoints.checkpoint import open_base
from studio.checkpoints.stored_names import common_lead, plain_names, unwrapped
from studio.errors import BadCheckpoint
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.tasks.pretrained import load_pretrained
from tests.architectures import moved
from tests.checkpoints.test_weights import shard

ROOT = "base_model.model."
PARTS = ("lora_A", "lora_embedding_A", "ia3_l")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        (ROOT + "a.lora_A.weight", "a.lora_A.weight"),
        (ROOT + "a.lora_A.default.weight", "a.lora_A.weight"),
        (ROOT + "a.lora_embedding_A.my-task", "a.lora_embedding_A"),
        (ROOT + "a.ia3_l", "a.ia3_l"),
        (ROOT + "a.modules_to_save.default.weight", "a.weight"),
        (ROOT + "a.modules_to_save.default.dense.weight", "a.dense.weight"),
        (ROOT + "a.modules_to_save.weight", "a.weight"),
        ("_orig_mod." + ROOT + "a.weight", "a.weight"),
        (ROOT + "a._orig_mod.b._fsdp_wrapped_module.weight", "a.b.weight"),
        ("module." + ROOT + "a.weight", "a.weight"),
        ("module.a.weight", "module.a.weight"),
    ],
)
def test_a_name_is_that_of_the_model(name, plain):
    assert plain_names((name,), PARTS, Path("x")).stored == {plain: name}


def test_wrappers_of_training_are_taken_off():
    assert unwrapped("_orig_mod.layer.0.dense.weight") == "layer.0.dense.weight"
    assert unwrapped("module.layer._fsdp_wrapped_module.0.weight") == "layer.0.weight"
    assert common_lead(("module._orig_mod.a", "module._orig_mod.b.c")) == "module._orig_mod."
    assert common_lead(("module.a", "b")) == common_lead(("modules.a",)) == common_lead(()) == ""


@pytest.mark.parametrize("lead", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("shards", [False, True])
def test_a_base_whose_names_all_have_it_is_read_and_written_without(tmp_path, lead, shards):
    config = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        vocab_size=30, max_position_embeddings=16,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path / "plain")
    base_files = tmp_path / "base"
    shutil.copytree(tmp_path / "plain", base_files)
    stored = load_file(base_files / "model.safetensors")
    wrapped = {lead + name: value for name, value in stored.items()}
    if shards:
        (base_files / "model.safetensors").unlink()
        shard(tmp_path / "sharded", wrapped)
        shutil.copytree(tmp_path / "sharded", base_files, dirs_exist_ok=True)
    else:
        save_file(wrapped, base_files / "model.safetensors", {"format": "pt"})
    moved(BertForMaskedLM.from_pretrained(tmp_path / "plain"), 1).save_pretrained(tmp_path / "task")
    tasks = (TaskEntry("task", str(tmp_path / "task"), 1.0),)
    for base in ("base", "plain"):
        merge = open_merge(Recipe(str(tmp_path / base), tasks, "task_arithmetic"))
        export(merge, tmp_path / f"from {base}")
    found, expected = (
        load_file(tmp_path / f"from {base}" / "model.safetensors") for base in ("base", "plain")
    )
    assert set(found) == set(expected)
    assert all(found[name].equal(expected[name]) for name in found)
    base = open_base(tmp_path / "base")
    assert base.notes[-1].startswith(f"base has '{lead}' before all of its {len(stored)} names")
    loaded = load_pretrained(base, "AutoModelForMaskedLM").state_dict()
    assert all(loaded[name].equal(value) for name, value in stored.items())


def test_what_was_taken_out_is_said():
    names = ("_orig_mod.a.lora_A.x.weight", "b.original_module.weight", "c.weight")
    found = plain_names(names, PARTS, Path("x"))
    assert list(found.stored) == ["a.lora_A.weight", "c.weight"]
    assert found.notes == (
        "The adapter's name 'x' is left out of its tensors' names.",
        "1 names are read without the wrappers of compilation or sharding.",
        "1 tensors named original_module are copies of the base's: left out.",
    )


def test_of_a_module_that_is_stored_three_times_the_plain_name_is_read_as_by_peft():
    names = ("a.modules_to_save.weight", "a.original_module.weight", "a.weight")
    found = plain_names(names, PARTS, Path("x"))
    assert found.stored == {"a.weight": "a.weight"}
    assert found.notes == (
        "1 tensors named original_module are copies of the base's: left out.",
        "1 tensors are stored twice: a.weight is read, and not a.modules_to_save.weight, as PEFT "
        "reads it.",
    )


@pytest.mark.parametrize("beside", ["a.dense.bias", "a.original_module.dense.bias"])
def test_a_part_of_a_saved_module_is_no_adapters_name(beside):
    """Even where it looks like one: ``default`` is the adapter's here, ``dense`` is not."""
    saved = "a.modules_to_save.dense.bias"
    plain = plain_names((saved, beside), PARTS, Path("x"))
    assert list(plain.stored) == ["a.dense.bias"]
    assert not any("adapter's name" in note for note in plain.notes)
    named = plain_names((saved.replace("dense", "default.dense"), beside), PARTS, Path("x"))
    assert list(named.stored) == ["a.dense.bias"]
    assert "The adapter's name 'default' is left out of its tensors' names." in named.notes


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.lora_A.x.weight", "b.lora_A.y.weight"), "x holds 2 adapters in one file, x and y"),
        (("a.weight", "_orig_mod.a.weight"), "_orig_mod.a.weight and a.weight are both there"),
        (("a.modules_to_save.weight", "a.modules_to_save.x.weight"), "are both there"),
    ],
)
def test_two_adapters_and_two_names_are_refused(names, words):
    with pytest.raises(BadCheckpoint, match=words):
        plain_names(names, PARTS, Path("x"))
