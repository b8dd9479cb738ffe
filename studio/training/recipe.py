"""Recipes of trainings as files: a base, data sets with their columns, tasks, and how to train."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.disk.files import mapping, only_keys, read_mapping
from studio.errors import BadRecipe
from studio.training.course import course_of
from studio.training.tasks import KINDS_TRAINED
from studio.zoo import SPLITS

_KEYS = ("name", "about", "base", "type", "rows", "tasks", "course", "draw", "commands")
_OF_ROWS = ("hub", "revision", "files", "columns", "sizes", "most", "note")
_OF_TASK = ("name", "rows", "type", "labels_each", "labels", "columns", "prompt", "targets",
            "files", "drop")  # fmt: skip


@dataclass(frozen=True)
class DataSet:
    """Rows that a recipe names.

    Attributes:
        hub: id of the Hub; empty for a folder that a person must name.
        revision: commit; empty where the recipe pins none.
        files: by split, a pattern in its folder; of several files the rows stand in their order.
        columns: by field, the column.
        most: by split, rows that are drawn at most; a split that is not named is whole.
    """

    hub: str
    revision: str
    files: Mapping[str, str]
    columns: Mapping[str, str]
    most: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RecipeTask:
    """A task, or several of one data set's labels, as a recipe names them.

    Attributes:
        name: with ``{}`` where several are numbered from 1.
        rows: name of the data set.
        kind: of the task.
        labels_each: labels of each of several tasks, in the data set's order; 0 for one of all.
        labels: names in the order of the table's indices; empty leaves them to the table.
        columns: in place of the data set's.
        files: in place of the data set's.
        prompt: text made of columns, ``{column}`` each; empty for none.
        targets: by label, what is to be written; empty for none.
        drop: labels whose rows are left out.
    """

    name: str
    rows: str
    kind: str
    labels_each: int = 0
    labels: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    targets: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingRecipe:
    """What a file says of a training.

    Attributes:
        name: of the zoo.
        base: hub id, or a path from the file.
        rows: data sets by name.
        tasks: in the order of the zoo.
        course: settings.
        draw: seed of the draws of rows.
        commands: what a person runs, a line each.
    """

    name: str
    base: str
    rows: Mapping[str, DataSet]
    tasks: tuple[RecipeTask, ...]
    course: Mapping[str, Any]
    draw: int
    commands: tuple[str, ...]


def read_recipe(file: Path) -> TrainingRecipe:
    """Read a recipe.

    Raises:
        BadRecipe: naming the key and what is wrong with it.
    """
    found = read_mapping(file, BadRecipe)
    only_keys(found, _KEYS, str(file), BadRecipe)
    for key in ("name", "base", "rows", "tasks"):
        if not found.get(key):
            raise BadRecipe(f"{file} says no {key}.")
    given = mapping(found["rows"], f"{file}: rows", BadRecipe)
    rows = {str(name): _data_set(each, f"{file}: rows of {name}") for name, each in given.items()}
    tasks = tuple(
        _task(each, str(found.get("type", "")), rows, f"{file}: task {at}")
        for at, each in enumerate(found["tasks"], 1)
    )
    course = mapping(found.get("course") or {}, f"{file}: course", BadRecipe)
    course_of(course, f"{file}: course")
    return TrainingRecipe(
        str(found["name"]), str(found["base"]), rows, tasks, course, int(found.get("draw", 0)),
        tuple(str(each) for each in found.get("commands") or ()),
    )  # fmt: skip


def _data_set(given: object, where: str) -> DataSet:
    found = mapping(given, where, BadRecipe)
    only_keys(found, _OF_ROWS, where, BadRecipe)
    files = _texts(found.get("files"), f"{where}: files")
    if strange := [split for split in files if split not in SPLITS]:
        raise BadRecipe(f"{where} names the split {strange[0]!r}; it must be {', '.join(SPLITS)}.")
    most = mapping(found.get("most") or {}, f"{where}: most", BadRecipe)
    return DataSet(
        str(found.get("hub") or ""), str(found.get("revision") or ""), files,
        _texts(found.get("columns"), f"{where}: columns"),
        {str(split): int(count) for split, count in most.items()},
    )  # fmt: skip


def _task(given: object, kind: str, rows: Mapping[str, DataSet], where: str) -> RecipeTask:
    found = mapping(given, where, BadRecipe)
    only_keys(found, _OF_TASK, where, BadRecipe)
    name, data = str(found.get("name") or ""), str(found.get("rows") or "")
    kind = str(found.get("type") or kind)
    if not name or data not in rows:
        raise BadRecipe(f"{where} must have a name, and rows of {', '.join(rows)}.")
    if kind not in KINDS_TRAINED:
        raise BadRecipe(f"{where} has type {kind!r}; it must be {', '.join(KINDS_TRAINED)}.")
    each = found.get("labels_each", 0)
    if type(each) is not int or each == 1 or each < 0:
        raise BadRecipe(f"{where} has labels_each {each!r}; it must be a whole number from 2.")
    if each and "{}" not in name:
        raise BadRecipe(f"{where}: of several tasks the name {name!r} must hold {{}}.")
    return RecipeTask(
        name, data, kind, each, tuple(str(x) for x in found.get("labels") or ()),
        _texts(found.get("columns"), f"{where}: columns"),
        _texts(found.get("files"), f"{where}: files"), str(found.get("prompt") or ""),
        _texts(found.get("targets"), f"{where}: targets"),
        tuple(str(x) for x in found.get("drop") or ()),
    )  # fmt: skip


def _texts(given: object, where: str) -> dict[str, str]:
    found = mapping(given or {}, where, BadRecipe)
    return {str(key): "" if each is None else str(each) for key, each in found.items()}
