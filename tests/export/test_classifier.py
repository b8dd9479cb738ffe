"""When a checkpoint alone says how its head is used."""

import json

from studio.export.classifier import own_tasks
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry


def merge_of(folder, *names: str):
    tasks = tuple(TaskEntry(name, str(folder / name)) for name in names)
    return open_merge(Recipe(str(folder / "base"), tasks, "average"))


def test_an_architecture_that_is_not_known_has_no_tasks_of_its_own(zoo_folder):
    assert own_tasks(merge_of(zoo_folder, "red", "green")) == []


def test_a_head_in_the_checkpoint_makes_a_task_with_the_labels_of_its_config(tiny_copy):
    file = tiny_copy / "color" / "config.json"
    names = {"id2label": {"0": "red", "1": "green", "2": "blue"}}
    file.write_text(json.dumps(json.loads(file.read_text()) | names))
    found = own_tasks(merge_of(tiny_copy, "color", "animal"))  # the adapter holds no head
    assert [(task.name, task.labels) for task in found] == [("color", ("red", "green", "blue"))]
