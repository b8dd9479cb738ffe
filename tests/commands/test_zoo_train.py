"""``zoo train`` as a user calls it."""

import json
import shlex

import pytest

from studio.demo import ASSETS
from studio.training.recipe import read_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.own_models import ANIMALS, save_csv, sentences
from tests.training.rooms import room
from tests.training.stand_ins import base, rows

pytestmark = pytest.mark.slow  # trains
SHORT = ("--epochs", "1", "--rate", "5e-3", "--rank", "2", "--batch", "8")


def train(capsys, *arguments) -> tuple[int, str, str]:
    return run(capsys, "zoo", "train", *map(str, arguments))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(room(tmp_path))
    return tmp_path


def test_without_a_place_it_says_rows_and_cost_and_writes_nothing(capsys, place, monkeypatch):
    told = []
    monkeypatch.setattr(
        "studio.commands.zoo_train.show_progress", lambda share, words: told.append(words)
    )
    before = sorted(place.rglob("*"))
    code, out, err = train(capsys, "base", "--data", "animals.csv", "colors.csv")
    assert code == 0, err
    assert "animals: text-classification; 12 held-out, 6 validation, 42 train rows; labels" in out
    assert "Trained is a LoRA adapter of rank 16, with a learning rate of 0.0002." in out
    assert "Training takes about" in out
    assert "a guess from sizes" in out
    assert out.splitlines()[-1] == "Nothing was written; --out DIR trains and writes the zoo."
    assert sorted(place.rglob("*")) == before
    assert told == ["'animals': reading its rows", "'colors': reading its rows"]


def test_it_trains_writes_a_zoo_and_says_how_each_expert_does_beside_the_head_alone(capsys, place):
    code, out, err = train(
        capsys, "base", "--data", "pets=animals.csv", "--out", "zoo", "--json", "curves.json",
        *SHORT,
    )  # fmt: skip
    assert code == 0, err
    zoo = load_zoo(place / "zoo")
    assert [task.name for task in zoo.tasks] == ["pets"]
    assert "'pets' was trained for 6 steps. Kept is step 6: validation loss" in out
    assert "head only" in out
    assert "(n = 12 held-out rows, 95 % intervals)" in out
    assert f"Written: {place / 'zoo' / 'zoo.yaml'}" in out
    told = json.loads((place / "curves.json").read_text())["pets"]
    assert [each["step"] for each in told["training"]["checks"]] == [0, 6]
    assert told["held_out"]["expert"]["n"] == 12


def test_a_recipe_is_trained_with_a_base_and_rows_of_ones_own(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = ASSETS / "recipes" / "topics-bert-large.yaml"
    found = read_recipe(file)
    base(found, tmp_path / "base")
    homes = rows(found, tmp_path / "rows")
    named = [each for name, home in homes.items() for each in ("--rows", f"{name}={home}")]
    code, _, err = train(
        capsys, "base", "--recipe", file, *named, "--out", "zoo", "--steps", "1", "--max-length",
        "16",
    )  # fmt: skip
    assert code == 0, err
    assert len(load_zoo(tmp_path / "zoo").tasks) == 3
    assert load_zoo(tmp_path / "zoo").name == found.name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("base",), "Name a base and the rows: zoo train BASE --data FILE."),
        (("base", "--data", "a=animals.csv", "a=colors.csv"), "--data names a twice."),
        (
            ("base", "--data", "animals.csv", "--labels", "pets=a,b"),
            "There is no task 'pets'; named are animals.",
        ),
        (
            ("base", "--data", "animals.csv", "--type", "animals=token-classification"),
            "is of the type token-classification, which is not trained here.",
        ),
        (
            ("base", "--data", "animals.csv", "--column", "animals.text=body"),
            "has no column 'body' for 'text'; it has 'text', 'label'.",
        ),
        (("base", "--data", "animals.csv", "--rate", "0"), "has rate '0'; it must be a number"),
        (
            ("base", "--recipe", "x.yaml", "--data", "animals.csv"),
            "A recipe names rows, kinds, columns and labels itself: leave them out.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_one_sentence(capsys, place, arguments, words):
    code, _, err = train(capsys, *arguments)
    assert code == 1
    assert words in err


def test_every_command_of_a_recipe_is_one_that_the_studio_knows():
    from studio.__main__ import command_parser

    known = command_parser()
    for file in sorted((ASSETS / "recipes").glob("*.yaml")):
        for line in read_recipe(file).commands:
            words = shlex.split(line)
            assert words[:3] == ["python", "-m", "studio"]
            known.parse_args(words[3:])


def test_two_files_of_one_folder_are_the_splits_of_one_task(capsys, place):
    for split, seed in (("train", 1), ("test", 2)):
        save_csv(place / "pets" / f"{split}.csv", sentences(ANIMALS, 60, seed))
    code, out, err = train(
        capsys, "base", "--data", "pets.train=pets/train.csv", "pets.held_out=pets/test.csv"
    )
    assert code == 0, err
    assert "pets: text-classification; 41 held-out, 19 validation, 60 train rows" in out
