"""Modules of sentence-transformers are never merged; where they differ from the base's is said."""

import json

import torch

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.sentence_modules import module_folders, module_notes
from tests.conftest import draw, save_model

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
]


def written(folder, seed=None):
    """A model; with a seed, the dense module that comes with it."""
    save_model(folder, draw(1))
    if seed is not None:
        (folder / "modules.json").write_text(json.dumps(MODULES))
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "mean"}))
        save_model(folder / "2_Dense", {"linear.weight": torch.full((2, 2), float(seed))})
    return open_checkpoint(folder)


def test_a_trained_module_is_named_and_that_the_base_s_is_used(tmp_path):
    base, expert = written(tmp_path / "base", 1), written(tmp_path / "expert", 2)
    assert module_folders(expert) == ["1_Pooling", "2_Dense"]
    (note,) = module_notes(base, expert)
    assert "(2_Dense) are not merged; the base's are used" in note
    assert note in join(base, "law", expert).notes


def test_equal_modules_are_no_matter_however_their_json_is_written(tmp_path):
    base, expert = written(tmp_path / "base", 1), written(tmp_path / "expert", 1)
    other = json.dumps({"pooling_mode": "mean"}, indent=4)
    (expert.folder / "1_Pooling" / "config.json").write_text(other)
    assert module_notes(base, expert) == []


def test_modules_that_the_base_lacks_are_named(tmp_path):
    base, expert = written(tmp_path / "base"), written(tmp_path / "expert", 1)
    (note,) = module_notes(base, expert)
    assert "(1_Pooling, 2_Dense) are not merged; the base has none" in note


def test_a_list_that_is_none_and_a_link_out_of_the_folder_are_no_error(tmp_path):
    base, expert = written(tmp_path / "base", 1), written(tmp_path / "expert", 1)
    (expert.folder / "2_Dense" / "model.safetensors").unlink()
    (expert.folder / "2_Dense" / "model.safetensors").symlink_to("/etc/hostname")
    assert "2_Dense" in module_notes(base, expert)[0]
    (expert.folder / "modules.json").write_text("{")
    assert module_notes(base, expert) == []
