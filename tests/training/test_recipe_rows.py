"""Every recipe of the papers trains a zoo, end to end, on a small stand-in of the same layout."""

from pathlib import Path

import pytest
import yaml

from studio.demo import ASSETS
from studio.errors import BadData, BadRecipe
from studio.new_zoo.plan import NewTask
from studio.training.recipe import TrainingRecipe, read_recipe
from studio.training.recipe_rows import recipe_plan
from studio.training.run import TrainedZoo, checked_rows, train_zoo
from studio.zoo import load_zoo
from tests.training import stand_ins

FOLDER = ASSETS / "recipes"
SHORT = {"epochs": 1, "steps": 2, "batch": 8, "rank": 2, "longest": 32}


def recipe(name: str) -> TrainingRecipe:
    return read_recipe(FOLDER / f"{name}.yaml")


def planned(name: str, folder: Path, classes: int = 3):
    found = recipe(name)
    base, rows = stand_ins.base(found, folder / "base"), stand_ins.rows(found, folder, classes)
    return recipe_plan(found, str(base), rows, SHORT)


def trained(name: str, folder: Path, classes: int = 3) -> TrainedZoo:
    return train_zoo(planned(name, folder, classes), folder / "zoo", "cpu")


CASES = {
    "cifar100-20-tasks": (10, ["cifar100-1", "cifar100-2"], "image-classification"),
    "imagenet100-10-tasks": (20, ["imagenet100-1", "imagenet100-2"], "image-classification"),
    "topics-bert-large": (3, ["ag-news", "dbpedia", "yahoo-answers"], "text-classification"),
    "topics-gpt2-medium": (3, ["ag-news", "dbpedia", "yahoo-answers"], "causal-lm"),
    "glue-bert-large": (
        2, ["cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte"], "text-classification",
    ),
    "glue-flan-t5": (2, ["cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte"], "seq2seq"),
    "clip-8-tasks": (
        3, ["sun397", "stanford-cars", "resisc45", "eurosat", "svhn", "gtsrb", "mnist", "dtd"],
        "image-classification",
    ),
}  # fmt: skip


@pytest.mark.slow  # trains
@pytest.mark.parametrize("name", CASES)
def test_a_recipe_trains_a_zoo_that_opens_and_is_scored(name, tmp_path):
    classes, tasks, kind = CASES[name]
    made = trained(name, tmp_path, classes)
    zoo = load_zoo(made.saved.file)
    assert [task.name for task in zoo.tasks] == tasks
    assert {task.type for task in zoo.tasks} == {kind}
    assert list(made.compared) == tasks
    assert {each.what for each in made.compared.values()} == {
        "head only" if "classification" in kind else "the base"
    }
    assert all(each.steps == 2 for each in made.trained.values())
    assert not (tmp_path / "zoo.training").exists()
    entry = yaml.safe_load(made.saved.file.read_text())["tasks"][0]
    own = "classification" in kind and not name.startswith("clip")  # whose text tower answers
    assert ("head" in entry, "head_only" in entry) == (own, "classification" in kind)


def test_the_14_and_20_tasks_of_clip_begin_with_the_8(tmp_path):
    eight, fourteen, twenty = (recipe(f"clip-{n}-tasks") for n in (8, 14, 20))
    assert (len(eight.tasks), len(fourteen.tasks), len(twenty.tasks)) == (8, 14, 20)
    assert fourteen.tasks[:8] == eight.tasks
    assert twenty.tasks[:14] == fourteen.tasks
    assert eight.course == fourteen.course == twenty.course
    found = checked_rows(planned("clip-20-tasks", tmp_path))
    assert [task.name for task in twenty.tasks] == list(found)
    assert all({*each.rows} == {"held_out", "validation", "train"} for each in found.values())


def test_labels_are_dealt_to_tasks_in_the_order_of_the_data_set(tmp_path):
    plan = planned("cifar100-20-tasks", tmp_path, 10)
    assert [task.labels for task in plan.tasks] == [
        tuple(f"w{at} w{at + 1}" for at in range(5)),
        tuple(f"w{at} w{at + 1}" for at in range(5, 10)),
    ]
    rows = checked_rows(plan)
    first = {row["label"] for row in rows["cifar100-1"].rows["train"]}
    assert first == {*(plan.tasks[0].labels or ())}
    assert len(rows["cifar100-1"].rows["train"]) == 40  # 8 of each


def test_a_hundred_labels_make_twenty_tasks_of_five_with_two_digits(tmp_path):
    plan = planned("cifar100-20-tasks", tmp_path, 100)
    assert (len(plan.tasks), plan.tasks[0].name) == (20, "cifar100-01")
    assert plan.tasks[-1].name == "cifar100-20"


def test_labels_that_do_not_divide_into_tasks_are_refused(tmp_path):
    with pytest.raises(BadData, match=r"has 7 labels, which do not divide into tasks of 5\."):
        planned("cifar100-20-tasks", tmp_path, 7)


def test_a_prompt_is_made_of_columns_and_a_label_becomes_its_target(tmp_path):
    plan = planned("glue-flan-t5", tmp_path)
    task: NewTask = plan.tasks[2]
    row = plan.read(task, task.files["train"], 0).rows[0]
    assert row["prompt"].startswith("Do these two sentences say the same? First: ")
    assert row["prompt"].endswith(" Answer yes or no.")
    assert row["target"] == "no"


def test_what_is_not_there_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    found = recipe("cifar100-20-tasks")
    base = stand_ins.base(found, tmp_path / "base")
    told = "run `python -m studio hub fetch datasets/uoft-cs/cifar100` once"
    with pytest.raises(BadData, match=told):
        recipe_plan(found, str(base), {}, {})
    with pytest.raises(BadRecipe, match="The recipe has no rows cifar; it has cifar100"):
        recipe_plan(found, str(base), {"cifar": tmp_path}, {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match=r"No file in .*empty is called \*\*/train\*\.parquet\."):
        recipe_plan(found, str(base), {"cifar100": tmp_path / "empty"}, {})
