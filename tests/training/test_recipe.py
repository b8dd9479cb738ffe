"""Recipes of trainings are read key by key, and those of the papers all are."""

from pathlib import Path

import pytest
import yaml

from studio.demo import ASSETS
from studio.errors import BadRecipe
from studio.training.recipe import read_recipe

FILES = sorted((ASSETS / "recipes").glob("*.yaml"))
GOOD = {
    "name": "x", "base": "base", "type": "text-classification",
    "rows": {"a": {"files": {"train": "train.csv", "held_out": "test.csv"}}},
    "tasks": [{"name": "a", "rows": "a"}],
}  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recipe_of_the_papers_names_all_and_promises_nothing(file):
    text = file.read_text()
    assert "None of the published numbers was reproduced" in text
    found = read_recipe(file)
    assert found.tasks
    assert found.course
    own = [each for each in found.commands if f"--recipe assets/recipes/{file.name}" in each]
    assert len(own) == 1
    fetched = " ".join(found.commands)
    assert f"hub fetch {found.base} " in fetched
    for data in found.rows.values():
        assert not data.hub or f"datasets/{data.hub}" in fetched


def test_there_is_a_recipe_for_each_series_of_the_papers():
    assert [file.stem for file in FILES] == [
        "cifar100-20-tasks", "clip-14-tasks", "clip-20-tasks", "clip-8-tasks", "glue-bert-large",
        "glue-flan-t5", "imagenet100-10-tasks", "topics-bert-large", "topics-gpt2-medium",
    ]  # fmt: skip


def written(folder: Path, **changes) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(GOOD | changes))
    return file


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": ""}, "says no base."),
        ({"lesson": 1}, "lesson"),
        ({"rows": {"a": {"file": "x"}}}, "file"),
        ({"rows": {"a": {"files": {"test": "x"}}}}, "names the split 'test'; it must be held_out"),
        ({"tasks": [{"name": "a", "rows": "b"}]}, "task 1 must have a name, and rows of a."),
        ({"tasks": [{"name": "a", "rows": "a", "type": "tags"}]}, "has type 'tags'; it must be"),
        ({"tasks": [{"name": "a", "rows": "a", "labels_each": 1}]}, "has labels_each 1; it must"),
        ({"tasks": [{"name": "a", "rows": "a", "labels_each": 5}]}, "the name 'a' must hold {}."),
        ({"course": {"epochs": 0}}, "course has epochs 0; it must be a whole number from 1"),
    ],
)
def test_what_a_recipe_cannot_say_is_refused_by_name(tmp_path, changes, words):
    assert read_recipe(written(tmp_path)).tasks[0].kind == "text-classification"
    with pytest.raises(BadRecipe) as refused:
        read_recipe(written(tmp_path, **changes))
    assert words in str(refused.value)
