"""``zoo new`` as a user calls it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from studio.checkpoints.checkpoint import open_checkpoint
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.conftest import draw, save_adapter, save_model
from tests.own_models import ANIMALS, save_csv, save_lora, sentences


@pytest.fixture
def place(runs, tmp_path, monkeypatch) -> Path:
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    file = folder / "animals-lora" / "adapter_config.json"
    file.write_text(file.read_text().replace(str(runs / "base"), "../base"))
    monkeypatch.chdir(tmp_path)
    return folder


def new(capsys, *arguments) -> tuple[int, str, str]:
    return run(capsys, "zoo", "new", *arguments)


def test_without_a_place_to_write_it_only_looks_and_says_all_that_it_guesses(
    capsys, place, monkeypatch
):
    told = []
    monkeypatch.setattr(
        "studio.commands.zoo.show_progress", lambda share, words: told.append(words)
    )
    before = sorted(place.parent.rglob("*"))
    code, out, err = new(capsys, "runs")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[:5] == [
        f"base: {place / 'base'}. The adapters name ../base.",
        f"  animals-lora: LoRA, changes 4 tensors of 1,024 numbers ({place / 'animals-lora'})",
        f"  colors: full, changes 39 tensors of 5,024 numbers ({place / 'colors'})",
        f"animals-lora: text-classification, a head is fitted; all: {place / 'animals.csv'} "
        "(text = text, label = label)",
        f"colors: text-classification, answers by itself; all: {place / 'colors' / 'test.csv'} "
        "(text = text, label = label)",
    ]
    drawn = [line for line in lines[5:] if "Drawn by row and label with seed 0" in line]
    assert [line.partition(":")[0] for line in drawn] == ["'animals-lora'", "'colors'"]
    assert "60 held-out, 24 validation, 36 train of 120 rows" in drawn[0]
    assert re.fullmatch(
        r"Writing it takes about \d+ s \(.*\) and about \d+ MiB of memory\.", lines[-2]
    )
    assert lines[-1] == "Nothing was written; --out DIR writes the zoo."
    assert sorted(place.parent.rglob("*")) == before
    assert told[-1].endswith("models")


@pytest.mark.slow
def test_rows_are_checked_also_where_nothing_is_written(capsys, place):
    (place / "animals.csv").write_text("text,label\na,bird\n")
    save_csv(place / "colors" / "test.csv", [{"text": "a", "label": "mauve"}] * 12)
    code, out, err = new(capsys, "runs")
    assert (code, "Nothing was written" in out) == (1, False)
    assert "The new zoo has 2 problems: (1) 'animals-lora': " in err
    assert "(2) 'colors': 12 of 12 rows have labels that the head lacks: 'mauve' (12)" in err


def test_it_writes_a_zoo_that_can_be_evaluated(capsys, place):
    more = ("--name", "Mine", "--seed", 2, "--digests")
    code, out, err = new(capsys, "runs", "--out", "mine", *more)
    assert code == 0, err
    assert "'animals-lora': Drawn by row and label with seed 2: 60 held-out" in out
    assert f"Written: {place.parent / 'mine' / 'zoo.yaml'}" in out
    zoo = load_zoo(place.parent / "mine")
    assert zoo.name == "Mine"
    assert [task.digest for task in zoo.tasks] == [
        open_checkpoint(place / name).digest for name in ("animals-lora", "colors")
    ]
    assert json.loads((place.parent / "mine" / "made.json").read_text())["seed"] == 2
    code, out, _ = run(capsys, "evaluate", "mine", "--json", "scores.json")
    assert (code, "n=60  animals-lora" in out) == (0, True)
    code, _, err = new(capsys, "runs", "--out", "mine")
    assert (code, "mine exists already" in err) == (1, True)


def test_rows_columns_labels_and_tasks_are_what_was_named(capsys, place):
    rows = [{"note": r["text"], "mood": r["label"], "who": str(at)}
            for at, r in enumerate(sentences(("blue", "green", "red"), 40))]  # fmt: skip
    save_csv(place / "mine.csv", rows)
    code, out, err = new(
        capsys, "runs", "--out", "zoo", "--task", "colors", "--data", "colors=runs/mine.csv",
        "--column", "colors.text=note", "--column", "colors.label=mood",
        "--column", "colors.group=who", "--labels", "colors=blue, green, red",
    )  # fmt: skip
    assert code == 0, err
    assert "(text = note, label = mood, group = who)" in out
    assert "Drawn by group and label" in out
    (task,) = yaml.safe_load((place.parent / "zoo" / "zoo.yaml").read_text())["tasks"]
    assert (task["name"], task["labels"]) == ("colors", ["blue", "green", "red"])


def test_files_of_splits_are_named_one_by_one_and_leaks_are_left_out_if_asked(capsys, place):
    every = sentences(("blue", "green", "red"), 40)
    save_csv(place / "a.csv", every[:25])
    save_csv(place / "b.csv", every[20:])
    command = ["runs", "--out", "zoo", "--task", "colors", "--data", "colors.held_out=runs/a.csv",
               "--data", "colors.validation=runs/b.csv"]  # fmt: skip
    code, _, err = new(capsys, *command)
    assert (code, "5 of 25 held-out rows are also in validation" in err) == (1, True)
    assert not (place.parent / "zoo").exists()
    code, out, _ = new(capsys, *command, "--drop-leaks")
    assert (code, "5 rows that were in two splits are held out only" in out) == (0, True)


def test_a_group_that_was_guessed_is_not_read_if_its_column_is_given_as_empty(capsys, place):
    rows = [row | {"group": "" if at == 3 else "me"}
            for at, row in enumerate(sentences(("blue", "green", "red"), 40))]  # fmt: skip
    save_csv(place / "colors" / "test.csv", rows)
    command = ["runs", "--out", "zoo", "--task", "colors"]
    code, _, err = new(capsys, *command)
    assert (code, "1 rows have no 'group', which is the group. Fill it in" in err) == (1, True)
    assert "or read no group: --column TASK.group=" in err
    code, out, _ = new(capsys, *command, "--column", "colors.group=")
    assert (code, "Drawn by row and label" in out) == (0, True)


def test_another_version_is_taken(capsys, place):
    for step in (1, 2):
        save_lora(place / "mood" / f"checkpoint-{step}", place / "base", "../../base", seed=step)
    code, out, _ = new(capsys, "runs", "--task", "mood", "--version", "mood=checkpoint-1",
                       "--out", "zoo")  # fmt: skip
    assert (code, "numbers, 2 versions" in out) == (0, True)
    assert "mood: text-classification; no rows, so no accuracy." in out
    assert load_zoo(place.parent / "zoo").tasks[0].checkpoint.endswith("checkpoint-1")
    code, _, err = new(capsys, "runs", "--version", "mood=checkpoint-9")
    assert (code, "has no version 'checkpoint-9'; it has checkpoint-2, checkpoint-1" in err) == (
        1, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--task", "gone"], "There is no task 'gone'; found were animals-lora, colors."),
        (["--data", "gone=x.csv"], "There is no task 'gone'; taken are animals-lora, colors."),
        (["--column", "gone.text=x"], "There is no task 'gone'"),
        (["--labels", "gone=a,b"], "There is no task 'gone'"),
        (["--labels", "colors"], "--labels colors: write it as NAME=VALUE."),
        (["--labels", "colors=a", "--labels", "colors=b"], "--labels names colors twice."),
        (["--column", "colors.text=x", "--out", "z"], "has no column 'x' for 'text'; it has "),
        (["--column", "colors.mood=text", "--out", "z"], "has no 'mood'; it may have text, "),
        (["--data", "colors=missing.csv"], "There is no file"),
        (["--base", "missing"], "missing. Check the path"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(capsys, place, options, words):
    code, _, err = new(capsys, "runs", *options)
    assert code == 1
    assert words in err
    assert not (place.parent / "z").exists()


def test_a_model_that_does_not_fit_is_told_and_refused_if_it_is_asked_for(capsys, place):
    save_model(place / "strange", draw(0))
    (place / "strange" / "config.json").write_text("{}")
    code, out, _ = new(capsys, "runs", "--base", "runs/base")
    assert (code, "  strange: does not fit: " in out) == (0, True)
    code, _, err = new(capsys, "runs", "--base", "runs/base", "--task", "strange")
    assert (code, "'strange'" in err) == (1, True)


def test_of_several_zoos_the_first_is_taken_and_that_is_said(capsys, place):
    save_model(place / "other", draw(0, {"layer.0.dense.weight": (6, 4)}))
    (place / "other" / "config.json").write_text("{}")
    pair = (draw(1, {"a": (2, 4)})["a"], draw(2, {"b": (6, 2)})["b"])
    save_adapter(place / "x", {"layer.0.dense": pair}, base_model_name_or_path="../other")
    _, out, _ = new(capsys, "runs")
    assert "Taken is the first of 2; --base SOURCE takes another." in out


def test_nothing_to_merge_is_refused(capsys, place):
    code, _, err = new(capsys, "runs/base")
    assert (code, "it is the only model that was found" in err) == (1, True)
    (place / "empty").mkdir()
    code, _, err = new(capsys, "runs/empty")
    assert (code, "can be merged: there is no folder with" in err) == (1, True)
    code, _, err = new(capsys, "runs/animals-lora")
    assert code == 0  # its base is found beside it
    shutil.move(place / "animals-lora", place / "empty" / "lora")
    shutil.move(place / "base", place / "moved")
    code, _, err = new(capsys, "runs/empty")
    assert (code, "name the base ../base" in err, "--base SOURCE" in err) == (1, True, True)


def test_names_that_a_terminal_would_obey_are_escaped(capsys, place):
    hostile = place / "a\x1b[31mred"
    (place / "colors").rename(hostile)
    save_csv(place / "animals.csv", sentences(ANIMALS, 60))
    (place / "bad\x1b").mkdir()
    (place / "bad\x1b" / "model.safetensors").write_bytes(b"no")
    _, out, err = new(capsys, "runs")
    assert "\x1b" not in out + err
    assert "\\x1b" in out
