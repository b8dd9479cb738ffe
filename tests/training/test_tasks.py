"""A task to be trained has a name, a kind and files by split."""

from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadZoo
from studio.training.tasks import kind_for, new_task, task_called, with_columns
from tests.own_models import save_csv, sentences


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("rows/animals.csv", "animals"),
        ("animals/train.csv", "animals"),
        ("animals/test.jsonl", "animals"),
        ("a b/über.tsv", "über"),
    ],
)
def test_it_is_called_as_its_file_or_as_the_folder_of_a_split(file, name):
    assert task_called(Path(file)) == name


def test_a_kind_that_is_not_trained_is_refused_with_those_that_are():
    told = "'tags' is of the type token-classification, which is not trained here. Trained are text"
    with pytest.raises(BadZoo, match=told):
        new_task("tags", "token-classification", {"all": Path("x.csv")})


def test_validation_rows_without_a_file_are_drawn_from_the_held_out_ones():
    files = {"train": Path("train.csv"), "held_out": Path("test.csv")}
    task = new_task("x", "text-classification", files)
    assert task.files == {"all": Path("test.csv"), "train": Path("train.csv")}
    assert task.trained
    assert task.needs_train
    one = {"all": Path("x.csv")}
    assert new_task("x", "causal-lm", one).files == one


def test_columns_that_somebody_chose_come_before_the_guessed_ones(tmp_path):
    rows = [{"title": f"t {at}", "text": f"x {at}", "label": "ab"[at % 2]} for at in range(12)]
    file = save_csv(tmp_path / "rows.csv", rows)
    task = new_task("x", "text-classification", {"all": file})
    assert with_columns(task, {}) is task
    found = with_columns(task, {"text": "title"})
    assert found.columns == {"text": "title", "label": "label"}


def test_the_base_says_the_kind(runs, tmp_path):
    file = save_csv(tmp_path / "rows.csv", sentences(("a", "b"), 20))
    assert kind_for(open_base(str(runs / "base")), file) == "text-classification"
