"""Which models share a base, which one that is and why, and what each would change."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from studio.errors import BadCheckpoint, NotAllowed
from studio.new_zoo.finding import find
from studio.new_zoo.grouping import propose
from tests.checkpoints.test_kohya import BASE, factors
from tests.conftest import draw, save_adapter, save_model
from tests.own_models import save_lora


def config(folder: Path, **changes: object) -> None:
    for name in ("adapter_config.json", "config.json"):
        if (file := folder / name).exists():
            file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def other_base(folder: Path) -> Path:
    """A base of another shape, and an adapter that fits it alone."""
    shapes = {"layer.0.dense.weight": (6, 4)}
    save_model(folder / "other", draw(0, shapes))
    (folder / "other" / "config.json").write_text("{}")
    pair = (draw(1, {"a": (2, 4)})["a"], draw(2, {"b": (6, 2)})["b"])
    save_adapter(
        folder / "strange", {"layer.0.dense": pair}, base_model_name_or_path=str(folder / "other")
    )
    return folder / "other"


def test_models_that_share_a_base_are_one_zoo_with_what_each_changes(runs):
    (proposal,) = propose(find([runs]))
    assert (proposal.source, proposal.why) == (str(runs / "base"),
                                               f"The adapters name {runs / 'base'}.")  # fmt: skip
    assert proposal.base is not None
    assert [member.name for member in proposal.members] == ["animals-lora", "colors"]
    lora, full = proposal.members
    assert (lora.tensors, lora.parameters) == (4, 4 * 16 * 16)
    assert full.tensors == len(proposal.base.names)
    assert lora.problem is full.problem is None


@pytest.mark.parametrize("named", ["../base", "base", "./base", "runs/base"])
def test_a_base_may_be_named_from_the_adapter_or_a_folder_above_it(runs, tmp_path, named):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path=named)
    (proposal,) = propose(find([folder]))
    assert (proposal.source, len(proposal.members)) == (str(folder / "base"), 2)


def test_a_base_of_a_hub_id_is_the_folder_of_its_name_or_the_one_in_the_cache(
    runs, tmp_path, monkeypatch
):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path="somebody/Base")
    (proposal,) = propose(find([folder]))
    assert proposal.why == f"The adapters name somebody/Base; {folder / 'base'} has that name."
    assert proposal.source == str(folder / "base")

    shutil.move(folder / "base", tmp_path / "cached")
    place = {"somebody/Base": tmp_path / "cached"}
    for module in ("studio.new_zoo.grouping", "studio.checkpoints.checkpoint"):
        monkeypatch.setattr(f"{module}.source_place", lambda s: place.get(s, Path(s)))
    (proposal,) = propose(find([folder]))
    assert (proposal.source, len(proposal.members)) == ("somebody/Base", 2)
    assert proposal.why.endswith("which is in the local hub cache.")


@pytest.mark.parametrize(
    "named", ["a\0b", "~nobody-of-that-name/x", "x" * 5000, "\x1b[31m", "../../../../..", "."]
)
def test_a_base_of_a_hostile_name_is_not_found_and_said(runs, tmp_path, named):
    folder = Path(shutil.copytree(runs / "animals-lora", tmp_path / "lora"))
    config(folder, base_model_name_or_path=named)
    (proposal,) = propose(find([folder]))
    assert proposal.base is None
    assert proposal.notes[0].startswith("These adapters name the base ")
    assert "Name the folder that it lies in." in proposal.notes[0]


@pytest.mark.parametrize("named", [None, 5, ["x"], "  "])
def test_an_adapter_without_a_base_takes_the_only_full_model(runs, tmp_path, named):
    shutil.copytree(runs / "animals-lora", tmp_path / "lora")
    config(tmp_path / "lora", base_model_name_or_path=named)
    (alone,) = propose(find([tmp_path]))
    assert (alone.base, alone.source) == (None, "")
    assert "name no base (base_model_name_or_path)" in alone.notes[0]
    shutil.copytree(runs / "base", tmp_path / "base")
    (proposal,) = propose(find([tmp_path]))
    assert (proposal.source, len(proposal.members)) == (str(tmp_path / "base"), 1)
    assert "it is the only full model" in proposal.why


def test_an_adapter_without_a_base_joins_the_family_that_it_fits_and_that_is_said(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path=None)
    (proposal,) = propose(find([folder]))
    assert [member.name for member in proposal.members] == ["animals-lora", "colors"]
    assert proposal.why == "It is the only one without a head for a task."
    assert proposal.notes == ("animals-lora name no base; they fit this one, which is taken.",)


def test_an_adapter_whose_base_is_not_there_joins_one_that_it_fits_and_that_is_said(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path="somebody/else")
    (proposal,) = propose(find([folder]))
    assert proposal.notes == (
        "animals-lora name somebody/else; they fit this one, which is taken.",
    )
    assert "It names the base 'somebody/else'; it is merged on 'base'." in proposal.members[0].notes
    shutil.copytree(folder / "animals-lora", folder / "moods-lora")
    config(folder / "moods-lora", base_model_name_or_path="../base")
    (proposal,) = propose(find([folder]))
    assert [member.name for member in proposal.members] == ["animals-lora", "colors", "moods-lora"]
    assert proposal.why == "The adapters name ../base."


def test_adapters_of_two_bases_are_two_zoos_the_larger_first(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path="../base")
    other = other_base(folder)
    first, second = propose(find([folder]))
    assert (first.source, second.source) == (str(folder / "base"), str(other))
    assert [len(each.members) for each in (first, second)] == [2, 1]


def test_a_base_that_is_asked_for_takes_everything_and_says_what_does_not_fit(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    other_base(folder)
    (proposal,) = propose(find([folder]), str(folder / "base"))
    problems = {member.name: member.problem for member in proposal.members}
    assert [name for name, problem in problems.items() if problem] == ["other", "strange"]
    assert "strange" in str(problems["strange"])
    with pytest.raises(BadCheckpoint, match="animals-lora is an adapter; a base is a full model"):
        propose(find([folder]), str(folder / "animals-lora"))
    with pytest.raises(BadCheckpoint, match="There is no folder"):
        propose(find([folder]), str(folder / "missing"))


def test_a_base_that_is_asked_for_is_named_from_where_the_command_runs(runs, monkeypatch):
    monkeypatch.chdir(runs)
    (proposal,) = propose(find([runs]), "base")
    assert proposal.source == str(runs / "base")


def test_an_adapter_that_names_another_base_is_merged_and_that_is_said(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path="somebody/else")
    (proposal,) = propose(find([folder]), str(folder / "base"))
    note = "It names the base 'somebody/else'; it is merged on 'base'."
    assert note in proposal.members[0].notes


def test_versions_are_one_task_the_newest_first(runs, tmp_path):
    save_lora(tmp_path / "mood" / "checkpoint-500", runs / "base", str(runs / "base"))
    for name in ("checkpoint-1000", "checkpoint-60"):
        shutil.copytree(tmp_path / "mood" / "checkpoint-500", tmp_path / "mood" / name)
    (proposal,) = propose(find([tmp_path]))
    (member,) = proposal.members
    assert (member.name, member.model.version) == ("mood", 1000)
    assert [each.version for each in member.versions] == [1000, 500, 60]
    for file in (tmp_path / "mood" / "checkpoint-60").iterdir():
        shutil.copy(file, tmp_path / "mood")
    (member,) = propose(find([tmp_path]))[0].members
    assert [each.version for each in member.versions] == [None, 1000, 500, 60]


def test_of_full_models_alone_the_base_is_told_by_what_names_it_or_said_to_be_a_guess(tmp_path):
    for name in ("first", "second", "third"):
        save_model(tmp_path / name, draw(0))
        (tmp_path / name / "config.json").write_text("{}")
    (guess,) = propose(find([tmp_path]))
    assert guess.source == str(tmp_path / "first")
    assert guess.notes[0].startswith("Nothing tells which of these 3 models is the base")
    config(tmp_path / "first", _name_or_path="somewhere/third")
    (named,) = propose(find([tmp_path]))
    assert (named.source, named.notes) == (str(tmp_path / "third"), ())
    assert named.why == "1 of the other models name it in their config.json."
    config(tmp_path / "first", _name_or_path="")
    (tmp_path / "second").rename(tmp_path / "model-base")
    (called,) = propose(find([tmp_path]))
    assert (called.source, called.why) == (str(tmp_path / "model-base"), "Its folder is called so.")


def test_files_of_adapters_side_by_side_are_a_task_each(tmp_path):
    save_model(tmp_path / "base", draw(0, BASE))
    for name in ("anna", "bert"):
        save_file(factors("lora_te_text_model_"), tmp_path / f"{name}.safetensors")
    (proposal,) = propose(find([tmp_path]))
    assert [member.name for member in proposal.members] == ["anna", "bert"]
    assert [member.tensors for member in proposal.members] == [3, 3]


def test_a_model_that_opens_but_does_not_join_keeps_its_reason(runs, tmp_path):
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    config(folder / "animals-lora", base_model_name_or_path="../base")
    file = folder / "animals-lora" / "adapter_model.safetensors"
    renamed = {k.replace("layer.1", "layer.9"): v for k, v in load_file(file).items()}
    save_file(renamed, file)
    lora, full = propose(find([folder]))[0].members
    assert "which the base does not have" in str(lora.problem)
    assert full.problem is None


def test_a_base_that_may_not_be_read_is_not_opened(runs, tmp_path):
    shutil.copytree(runs / "animals-lora", tmp_path / "lora")

    def allow(source: str, name: str) -> None:
        if not Path(source).is_relative_to(tmp_path):
            raise NotAllowed(f"{source} is outside.")

    (proposal,) = propose(find([tmp_path], allow), allow=allow)
    assert proposal.base is None
    assert "is outside" in proposal.notes[0]
    with pytest.raises(NotAllowed):
        propose(find([tmp_path], allow), str(runs / "base"), allow)


def test_names_are_told_apart_on_every_file_system(runs, tmp_path):
    for place in ("a/Mood", "b/mood", "c/Cafe\u0301", "d/Café", "e/con", "f/adapter"):
        shutil.copytree(runs / "animals-lora", tmp_path / "loras" / place)
    (proposal,) = propose(find([tmp_path]))
    names = [member.name for member in proposal.members]
    assert names == ["Café", "Café-2", "f", "Mood", "mood-2", "task-con"]
    assert [each for each in proposal.notes if "becomes" in each] == [
        "The folder Café becomes the task 'Café-2', which can be told apart.",
        "The folder mood becomes the task 'mood-2', which can be told apart.",
        "The folder con becomes the task 'task-con', which can be told apart.",
    ]
