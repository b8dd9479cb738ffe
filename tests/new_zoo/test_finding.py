"""What a search finds below a folder, and what it says of what it passes over."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio.errors import BadCheckpoint, NotAllowed
from studio.new_zoo.finding import find, is_remote
from tests.checkpoints.test_kohya import factors
from tests.conftest import draw, save_model


def pictures(folder: Path, *labels: str, count: int = 1) -> None:
    for label in labels:
        (folder / label).mkdir(parents=True)
        for at in range(count):
            Image.new("RGB", (4, 4), (at, 0, 0)).save(folder / label / f"{at}.png")


def test_bases_classifiers_adapters_and_tables_are_found_from_headers_alone(runs, monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("weights were read")

    monkeypatch.setattr("studio.checkpoints.weights.Weights.tensor", refuse)
    found = find([runs])
    kinds = {model.folder.name: model.checkpoint.kind for model in found.models}
    assert kinds == {"animals-lora": "LoRA", "base": "full", "colors": "full"}
    assert [each.name for each in found.tables] == ["animals.csv", "test.csv"]
    assert (found.images, found.refused, found.notes) == ([], [], [])
    assert found.models[0].size == 4 * (2 * (2 * 16 + 16 * 2)) * 2


def test_a_place_is_named_from_where_the_command_runs(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    assert [model.folder for model in find([Path(runs.name)]).models] == [
        runs / "animals-lora", runs / "base", runs / "colors",
    ]  # fmt: skip
    assert len(find([runs / "base", runs / "colors", runs / "base"]).models) == 2


def test_versions_of_a_training_know_its_folder(runs, tmp_path):
    for name in ("checkpoint-500", "step_20", "final"):
        shutil.copytree(runs / "animals-lora", tmp_path / "run" / name)
    found = {model.folder.name: model for model in find([tmp_path]).models}
    assert [found[name].version for name in found] == [500, None, 20]
    assert found["checkpoint-500"].run == found["step_20"].run == tmp_path / "run"
    assert found["final"].run == tmp_path / "run" / "final"


def test_folders_of_images_are_found_with_their_splits(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    pictures(tmp_path / "pets" / "train", "cat", "dog")
    pictures(tmp_path / "pets" / "test", "cat", "dog")
    pictures(tmp_path / "one", "alone")
    assert find([tmp_path]).images == [tmp_path / "pets" / "test", tmp_path / "pets" / "train"]


def test_what_a_training_leaves_beside_weights_is_no_table(runs, tmp_path):
    folder = Path(shutil.copytree(runs / "colors", tmp_path / "colors"))
    for name in ("trainer_state.json", "all_results.json", "labels.json", "vocab.json"):
        (folder / name).write_text("{}")
    (folder / "optimizer.pt").write_bytes(b"x")
    found = find([tmp_path])
    assert [each.name for each in found.tables] == ["test.csv"]
    assert len(found.models) == 1


def test_adapters_in_files_side_by_side_are_each_one(tmp_path):
    for name in ("anna", "bert"):
        save_file(factors("lora_te_text_model_"), tmp_path / f"{name}.safetensors")
    save_file({"weight": torch.ones(2, 3)}, tmp_path / "classifier.safetensors")
    found = find([tmp_path])
    assert [model.folder.name for model in found.models] == [
        "anna.safetensors", "bert.safetensors",
    ]  # fmt: skip
    assert found.notes == [
        f"{tmp_path / 'classifier.safetensors'} was passed over: it is no adapter, and no "
        "config.json lies beside it."
    ]


def test_of_a_sentence_transformer_only_the_encoder_is_a_model(runs, tmp_path):
    folder = Path(shutil.copytree(runs / "base", tmp_path / "sentences"))
    (folder / "modules.json").write_text("[]")
    save_model(folder / "2_Dense", {"linear.weight": torch.ones(2, 2)})
    (folder / "2_Dense" / "config.json").write_text("{}")
    assert [model.folder for model in find([tmp_path]).models] == [folder]


def test_links_out_are_not_followed(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    (tmp_path / "elsewhere").symlink_to(runs, target_is_directory=True)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    found = find([tmp_path])
    assert [model.folder.name for model in found.models] == ["base"]
    assert found.tables == []


def test_a_model_that_cannot_be_opened_is_kept_with_its_reason(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    shutil.copytree(runs / "animals-lora", tmp_path / "broken")
    (tmp_path / "broken" / "adapter_model.safetensors").write_bytes(b"no")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "model.safetensors").symlink_to(runs / "base" / "model.safetensors")
    found = find([tmp_path])
    assert [(place.name, type(problem)) for place, problem in found.refused] == [
        ("broken", BadCheckpoint), ("linked", BadCheckpoint),
    ]  # fmt: skip
    assert "outside its folder" in str(found.refused[1][1])
    assert len(find([tmp_path], roots=(runs,)).models) == 2


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text_are_passed_over_and_said(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    found = find([tmp_path])
    assert len(found.notes) == 1
    assert found.notes[0].endswith("was passed over: its name is no text.")


def test_a_folder_that_cannot_be_read_is_said(runs, tmp_path, monkeypatch):
    shutil.copytree(runs / "base", tmp_path / "base")
    (tmp_path / "secret" / "inner").mkdir(parents=True)
    (tmp_path / "secret" / "other").mkdir()
    really = os.scandir

    def scan(path):
        if "secret" in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert find([tmp_path]).notes == [f"{tmp_path / 'secret'} was not searched: Permission denied."]


def test_a_huge_folder_is_searched_to_a_limit(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("studio.new_zoo.finding._MOST_ENTRIES", 20)
    shutil.copytree(runs / "base", tmp_path / "a")
    for at in range(30):
        (tmp_path / "b" / str(at)).mkdir(parents=True)
    (note,) = find([tmp_path]).notes
    assert note.startswith(f"The search stopped at {tmp_path / 'b'}, after 36 entries and 1 models")


def test_nothing_to_merge_is_refused_with_what_was_seen(runs, tmp_path):
    with pytest.raises(BadCheckpoint, match=r"there is no folder with model\.safetensors or"):
        find([tmp_path])
    with pytest.raises(BadCheckpoint, match="There is no folder .*missing"):
        find([tmp_path / "missing"])
    with pytest.raises(BadCheckpoint, match="There is no folder .*~nobody"):
        find([Path("~nobody-of-that-name/x")])
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match=r"can be merged\. .*adapter"):
        find([tmp_path])


def test_what_is_not_allowed_is_not_touched_and_a_search_can_be_stopped(runs):
    def never(source: str, name: str) -> None:
        raise NotAllowed(f"{name} {source}")

    with pytest.raises(NotAllowed, match=f"the folder {runs}"):
        find([runs], never)

    def stop(share: float, words: str) -> None:
        raise KeyboardInterrupt(words)

    with pytest.raises(KeyboardInterrupt, match="entries, 0 models"):
        find([runs], progress=stop)


def test_a_full_model_in_one_file_is_named_by_its_folder(tmp_path):
    save_model(tmp_path / "base", draw(0))
    (model,) = find([tmp_path / "base" / "model.safetensors"]).models
    assert model.folder == tmp_path / "base"


def test_a_misspelt_path_is_not_asked_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    asked = ("desk/red", "desk/red@main", "datasets/desk/rows", "runs/gone", "/runs/red", "a b/c")
    assert [is_remote(each) for each in asked] == [True, True, True, False, False, False]
