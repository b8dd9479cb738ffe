"""Tasks in the making: their tables by name and place, and what answers for them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.new_zoo.finding import Found, Model, find
from studio.new_zoo.grouping import Member, propose
from studio.new_zoo.plan import (
    ALL,
    NewTask,
    answering,
    columns_of,
    files_apart,
    one_file,
    planned,
    split_called,
    splits_of,
    tables_of,
)
from studio.new_zoo.tables import read_table
from studio.tasks.heads import LinearHead


@pytest.fixture(scope="module")
def model(runs) -> Model:
    return Model(Path("/runs/x"), open_checkpoint(runs / "animals-lora"))


def member(model: Model, name: str, folder: str = "") -> Member:
    own = Model(Path(folder or f"/runs/{name}"), model.checkpoint)
    return Member(name, own, (own,))


def tables(*paths: str) -> Found:
    return Found(tables=[Path(each) for each in paths])


@pytest.mark.parametrize(
    ("paths", "files"),
    [
        (["cat/val.csv", "cat/test.csv", "cat/train.csv"],
         {"validation": "cat/val.csv", "held_out": "cat/test.csv", "train": "cat/train.csv"}),
        (["cat/test.csv", "cat/train.csv"], {ALL: "cat/test.csv", "train": "cat/train.csv"}),
        (["cat/dev.csv"], {ALL: "cat/dev.csv"}),
        (["cat/train.csv"], {ALL: "cat/train.csv"}),
        (["cat/rows.csv", "cat/more.csv"], {ALL: "cat/rows.csv"}),
        (["held-out-cat.csv", "heldout_dog.csv"], {ALL: "held-out-cat.csv"}),
        (["data/cat.csv", "data/dog.csv"], {ALL: "data/cat.csv"}),
        (["data/cat_big.csv", "data/cat.csv"], {ALL: "data/cat.csv"}),
        (["data/bird.csv"], {}),
    ],
)  # fmt: skip
def test_tables_are_a_tasks_by_their_place_or_their_name(model, paths, files):
    found = tables(*(f"/runs/{path}" for path in paths))
    members = [member(model, name) for name in ("cat", "cat-big", "dog")]
    own = tables_of(members, found).get("cat", {})
    assert own == {split: Path(f"/runs/{path}") for split, path in files.items()}
    assert [*own] == [split for split in (ALL, "held_out", "validation", "train") if split in own]


def test_words_that_every_run_has_in_its_name_do_not_matter(model):
    found = tables("/runs/cat.csv")
    assert tables_of([member(model, "cat-lora"), member(model, "dog-lora")], found) == {
        "cat-lora": {ALL: Path("/runs/cat.csv")}
    }


def test_names_of_every_script_are_words(model):
    members = [member(model, "настроение-и-темы"), member(model, "cat"), member(model, "Café")]
    found = tables("/runs/cat.csv", "/runs/Cafe\u0301.csv", "/runs/настроение и темы.csv")
    assert {name: files[ALL].stem for name, files in tables_of(members, found).items()} == {
        "cat": "cat", "Café": "Cafe\u0301", "настроение-и-темы": "настроение и темы",
    }  # fmt: skip


def test_the_only_task_takes_the_only_tables(model):
    assert tables_of([member(model, "cat")], tables("/data/rows.csv")) == {
        "cat": {ALL: Path("/data/rows.csv")}
    }
    two = [member(model, "cat"), member(model, "dog")]
    assert tables_of(two, tables("/data/rows.csv")) == {}


def test_a_split_is_what_a_name_says():
    names = {"test-rows": "held_out", "my.valid": "validation", "training": "train", "a": None,
             "Held-Out": "held_out", "heldout": "held_out", "contest": None}  # fmt: skip
    assert {name: split_called(Path(f"{name}.csv")) for name in names} == names


@pytest.mark.parametrize(
    ("named", "files"),
    [
        ({"held_out": "a", "validation": "b"}, {"held_out": "a", "validation": "b"}),
        ({"held_out": "a"}, {ALL: "a"}),
        ({"train": "c", "held_out": "a"}, {ALL: "a", "train": "c"}),
        ({"validation": "b"}, {"validation": "b"}),
        ({}, {}),
    ],
)
def test_what_has_no_file_is_drawn_with_the_held_out_rows(named, files):
    given = {split: Path(name) for split, name in named.items()}
    made = files_apart(given)
    assert made == {split: Path(name) for split, name in files.items()}
    assert splits_of(made) == given


def test_the_one_file_is_that_of_the_rows_that_are_measured():
    held, train = {"held_out": Path("a")}, {"train": Path("c")}
    for files, one in (({ALL: Path("x")} | train, "x"), (train | held, "a"), (train, "c")):
        assert one_file(files) == {ALL: Path(one)}
    assert one_file({}) == {}


def test_members_become_tasks_with_kind_files_and_what_answers(runs):
    found = find([runs])
    (proposal,) = propose(found)
    assert proposal.base is not None
    animals, colors = planned(proposal.base, proposal.members, found, {})
    assert (animals.kind, animals.files) == ("text-classification", {ALL: runs / "animals.csv"})
    assert animals.needs_head
    assert animals.opened is not None
    assert colors.opened is not None
    assert (colors.needs_head, colors.opened.labels) == (False, ("blue", "green", "red"))
    named = {"colors": {"held_out": Path("a.csv"), "validation": Path("b.csv")}}
    assert planned(proposal.base, proposal.members, found, named)[1].files == named["colors"]


def test_a_head_beside_an_adapter_answers_and_one_that_does_not_fit_is_not_replaced(runs, tmp_path):
    base = open_checkpoint(runs / "base")
    folder = Path(shutil.copytree(runs / "animals-lora", tmp_path / "animals"))
    save_file({"weight": torch.ones(2, 16), "bias": torch.ones(2)}, folder / "head.safetensors")
    opened = answering(base, "animals", open_checkpoint(folder), "text-classification")
    assert isinstance(opened.head, LinearHead)
    assert opened.labels == ("0", "1")
    save_file({"weight": torch.ones(2, 5), "bias": torch.ones(2)}, folder / "head.safetensors")
    with pytest.raises(BadData, match="the head takes 5 numbers, the base gives 16"):
        answering(base, "animals", open_checkpoint(folder), "text-classification")
    (folder / "labels.json").write_text(json.dumps(["a", "b", "c"]))
    made = Model(folder, open_checkpoint(folder))
    (task,) = planned(base, [Member("animals", made, (made,))], Found(), {})
    assert "labels" in str(task.refused)
    assert (task.opened, task.needs_head) == (None, False)


def test_a_task_that_is_taken_alone_takes_no_table_of_another(runs):
    found = find([runs])
    found.tables = [runs / "colors" / "test.csv"]
    (proposal,) = propose(found)
    assert proposal.base is not None
    animals = proposal.members[:1]
    assert planned(proposal.base, animals, found, {}, proposal.members)[0].files == {}


def test_columns_that_a_person_chose_are_read_and_empty_ones_are_not(runs):
    table = read_table(runs / "animals.csv")
    task = NewTask("animals", runs, "text-classification")
    assert columns_of(task, table) == {"text": "text", "label": "label"}
    chosen = NewTask("animals", runs, "text-classification", columns={"text": "label", "label": ""})
    assert columns_of(chosen, table) == {"text": "label"}


def test_kinds_without_a_head_to_fit_need_none(runs):
    assert not NewTask("a", runs, "causal-lm").needs_head
    assert NewTask("a", runs, "image-classification").needs_head
