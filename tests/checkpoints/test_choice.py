"""Which files of a folder count, that the choice is said, and how links are followed."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, BertConfig, BertModel

from studio.checkpoints.checkpoint import open_base, open_checkpoint
from studio.checkpoints.choice import choose, open_choice
from studio.commands import remedies as command_line
from studio.errors import BadCheckpoint
from studio.ui import remedies as page
from tests.checkpoints.test_weights import shard
from tests.conftest import draw, refusal, save_adapter, save_model

ADAPTER = {"m": (torch.ones(1, 2), torch.ones(2, 1))}


def both(folder: Path) -> Path:
    """A folder with an adapter and a full model."""
    save_adapter(folder, ADAPTER)
    return save_model(folder, draw(1))


def test_a_single_file_counts_before_an_index_as_in_transformers(tmp_path):
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=8)  # fmt: skip
    folder = tmp_path / "m"
    BertModel(config).save_pretrained(folder, max_shard_size="2KB")
    assert open_checkpoint(folder).notes == ()
    newer = BertModel(config)
    newer.save_pretrained(tmp_path / "newer")
    shutil.copy(tmp_path / "newer" / "model.safetensors", folder)
    opened = open_checkpoint(folder)
    loaded = AutoModel.from_pretrained(folder).state_dict()
    assert all(opened.tensor(name).equal(loaded[name]) for name in opened.names)
    assert all(opened.tensor(name).equal(newer.state_dict()[name]) for name in opened.names)
    (note,) = opened.notes
    assert "model.safetensors of m is read, as transformers does; beside it lie" in note
    assert "lie model.safetensors.index.json" in note
    assert "To read another, give its path." in note
    older = open_checkpoint(folder / "model.safetensors.index.json")
    assert older.digest != opened.digest
    assert older.notes[0].startswith("model.safetensors.index.json of m is read")


def test_the_file_that_the_configuration_names_comes_first(tmp_path):
    folder = save_model(tmp_path / "m", draw(1))
    save_file(draw(2), folder / "other.safetensors")
    (folder / "config.json").write_text('{"transformers_weights": "other.safetensors"}')
    assert open_checkpoint(folder).tensor("layer.0.dense.bias").equal(draw(2)["layer.0.dense.bias"])
    (folder / "config.json").write_text('{"transformers_weights": "../other.safetensors"}')
    with pytest.raises(BadCheckpoint, match="must name a file of the same folder"):
        open_checkpoint(folder)


def test_pickles_beside_the_weights_are_said_not_to_be_read(tmp_path):
    folder = save_model(tmp_path / "m", draw(1))
    (folder / "pytorch_model.bin").write_bytes(b"x")
    assert open_checkpoint(folder).notes == (
        "model.safetensors of m is read, as transformers does; beside it lie pytorch_model.bin, "
        "which are not.",
    )


def test_of_an_adapter_beside_a_full_model_the_adapter_is_the_task_and_the_model_the_base(tmp_path):
    folder = both(tmp_path / "run")
    task, base = open_checkpoint(folder), open_base(folder)
    assert (task.kind, base.kind) == ("LoRA", "full")
    assert task.notes == (
        "run also holds a full model (model.safetensors); its adapter (adapter_config.json) is "
        "read, as transformers and PEFT do. To take the full model, give the path of "
        "model.safetensors.",
    )
    assert base.notes == (
        "run also holds adapter_config.json; as the base the full model counts, so "
        "model.safetensors is read.",
    )
    assert base.digest == open_choice(choose(folder, True)).root


def test_a_path_may_name_the_file_that_counts(tmp_path):
    folder = both(tmp_path / "run")
    full = open_checkpoint(folder / "model.safetensors")
    assert (full.kind, full.folder, full.notes) == ("full", folder, ())
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert open_checkpoint(folder / name).kind == "LoRA"
        assert open_checkpoint(folder / name).digest == open_checkpoint(folder).digest
    for name in ("a", "b"):
        save_file(draw(ord(name)), tmp_path / f"{name}.safetensors")
    with pytest.raises(BadCheckpoint, match="2 safetensors files .* Give the path of the one"):
        open_checkpoint(tmp_path)
    assert len(open_checkpoint(tmp_path / "b.safetensors").names) == len(draw(1))
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(BadCheckpoint, match="x.txt is a file; give the folder that holds"):
        open_checkpoint(tmp_path / "x.txt")


def test_options_of_an_adapter_without_its_weights_leave_the_full_model(tmp_path):
    folder = both(tmp_path / "run")
    (folder / "adapter_model.safetensors").unlink()
    opened = open_checkpoint(folder)
    assert opened.kind == "full"
    assert "there is no adapter_model.safetensors, so model.safetensors is read" in opened.notes[0]


def test_weights_of_an_adapter_without_its_options_are_refused_by_name(tmp_path):
    folder = save_adapter(tmp_path / "a", ADAPTER)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(BadCheckpoint, match="weights of an adapter .* but no adapter_config.json"):
        open_checkpoint(folder)


def test_what_lies_one_level_down_is_listed(tmp_path):
    """PEFT writes every adapter that is not called 'default' into a folder of its name."""
    for name in ("first", "second"):
        save_adapter(tmp_path / name, ADAPTER)
    (tmp_path / "logs").mkdir()
    with pytest.raises(BadCheckpoint) as error:
        open_checkpoint(tmp_path)
    assert refusal(error).endswith(
        "holds no safetensors file itself. These folders in it do: first, second. Give the path "
        "of one of them."
    )
    assert open_checkpoint(tmp_path / "first").kind == "LoRA"
    shutil.rmtree(tmp_path / "second")
    shutil.copy(tmp_path / "first" / "adapter_config.json", tmp_path)
    with pytest.raises(BadCheckpoint, match=r"and no adapter_model.safetensors. This folder .*fir"):
        open_checkpoint(tmp_path)


def test_links_lead_below_a_root_or_nowhere(tmp_path):
    store, _ = shard(tmp_path / "store", draw(1))
    (store / "config.json").write_text("{}")
    folder = tmp_path / "models" / "linked"
    folder.mkdir(parents=True)
    for file in store.iterdir():
        (folder / file.name).symlink_to(file)
    opened = open_checkpoint(folder, (tmp_path,))
    assert opened.digest == open_checkpoint(store).digest
    assert opened.config == {}
    for roots in ((), (tmp_path / "models",), (tmp_path / "sto",)):
        with pytest.raises(BadCheckpoint, match="leads to .*, outside its folder") as error:
            open_checkpoint(folder, roots)
        assert f"--root {store}." in command_line.told(error.value)
        assert f"--root {store}." in page.told(error.value)
        assert "--" not in str(error.value)


def test_a_link_to_a_link_is_judged_by_where_it_ends(tmp_path):
    secret = save_model(tmp_path / "secret", draw(1)) / "model.safetensors"
    root, folder = tmp_path / "root", tmp_path / "root" / "m"
    folder.mkdir(parents=True)
    (root / "between.safetensors").symlink_to(secret)
    (folder / "model.safetensors").symlink_to(root / "between.safetensors")
    with pytest.raises(BadCheckpoint, match="leads to .*secret"):
        open_checkpoint(folder, (root,))


def test_an_index_that_is_not_read_is_still_no_trap(tmp_path):
    folder = save_model(tmp_path / "m", draw(1))
    (folder / "model.safetensors.index.json").symlink_to("/dev/zero")
    with pytest.raises(BadCheckpoint, match="is not a regular file"):
        open_checkpoint(folder)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "y"}}))
    assert open_checkpoint(folder).names


def test_adapters_below_one_are_named_and_not_read(tmp_path):
    save_adapter(tmp_path / "run", ADAPTER)
    folder = tmp_path / "run"
    assert open_checkpoint(folder).notes == ()
    for name in ("checkpoint-10", "checkpoint-20"):
        save_adapter(folder / name, {"m": (torch.zeros(1, 2), torch.zeros(2, 1))})
    opened = open_checkpoint(folder)
    assert opened.tensor("base_model.model.m.lora_A.weight").tolist() == [[1.0, 1.0]]
    assert opened.notes == (
        "run holds an adapter itself, which is read; 2 folders of it hold adapters too, not read: "
        "checkpoint-10, checkpoint-20. To take one, give its path.",
    )
    shutil.rmtree(folder / "checkpoint-20")
    assert "1 folder of it holds an adapter too, not read: checkpoint-10." in str(
        open_checkpoint(folder).notes
    )
