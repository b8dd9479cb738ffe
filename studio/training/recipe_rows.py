"""The rows that a recipe of a training names: found, and cut into tasks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from studio.checkpoints.checkpoint import Checkpoint, open_base
from studio.disk.files import resolve_source
from studio.errors import BadData, BadRecipe
from studio.new_zoo.columns import label_text
from studio.new_zoo.plan import ALL, NewTask
from studio.new_zoo.tables import Cells, Table, plain, read_table
from studio.training.course import Course, course_of
from studio.training.recipe import DataSet, RecipeTask, TrainingRecipe
from studio.training.run import MOST_ROWS, TrainingPlan
from studio.training.tasks import new_task

_PLACE = re.compile(r"\{(\w+)\}")


def recipe_plan(
    recipe: TrainingRecipe, base: str | None, folders: Mapping[str, Path],
    asked: Mapping[str, Any], name: str | None = None,
) -> TrainingPlan:  # fmt: skip
    """The training that a recipe means.

    Args:
        recipe: as it was read.
        base: folder or hub id in place of the recipe's.
        folders: by data set, where it lies, in place of the Hub's local cache.
        asked: settings in place of the recipe's.
        name: of the zoo, in place of the recipe's.

    Raises:
        StudioError: the base or rows are not there, or are not as the recipe says.
    """
    if unknown := [each for each in folders if each not in recipe.rows]:
        raise BadRecipe(f"The recipe has no rows {unknown[0]}; it has {', '.join(recipe.rows)}.")
    source = resolve_source(base or recipe.base, Path.cwd())
    opened = open_base(source)
    course = course_of({**recipe.course, **asked})
    homes = {each: folders.get(each) or cached(recipe.rows[each]) for each in recipe.rows}
    tables = RecipeTables(recipe, homes)
    tasks = [made for each in recipe.tasks for made in tables.tasks(each)]
    return _plan(recipe, opened, source, tasks, course, tables, name)


def _plan(
    recipe: TrainingRecipe, base: Checkpoint, source: str, tasks: list[NewTask], course: Course,
    tables: "RecipeTables", name: str | None,
) -> TrainingPlan:  # fmt: skip
    return TrainingPlan(
        name or recipe.name, base, source, tuple(tasks), course, recipe.draw, True, tables.read
    )


def cached(rows: DataSet) -> Path:
    """Where a data set of the Hub lies in the local cache; nothing is fetched.

    Raises:
        BadData: it is not there, or the recipe names no place for it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if not rows.hub:
        raise BadData("The recipe does not say where these rows lie: name their folder.")
    try:
        return Path(
            snapshot_download(
                rows.hub, repo_type="dataset", revision=rows.revision or None,
                local_files_only=True,
            )
        )  # fmt: skip
    except (LocalEntryNotFoundError, ValueError, OSError):
        raise BadData(
            f"The data set {rows.hub} is not in the local hub cache. The studio never downloads by "
            f"itself: run `python -m studio hub fetch datasets/{rows.hub}` once, or name the "
            "folder that it lies in."
        ) from None


class RecipeTables:
    """The rows of a recipe's data sets, as each task reads them."""

    def __init__(self, recipe: TrainingRecipe, homes: Mapping[str, Path]) -> None:
        self._recipe, self._homes = recipe, homes
        self._whole = cache(_joined)
        self._how: dict[str, tuple[RecipeTask, tuple[str, ...]]] = {}

    def tasks(self, asked: RecipeTask) -> list[NewTask]:
        """The tasks that an entry of the recipe means."""
        rows = self._recipe.rows[asked.rows]
        files = asked.files or rows.files
        if not files:
            raise BadRecipe(f"The recipe's task '{asked.name}' names no files.")
        paths = {split: self._homes[asked.rows] / pattern for split, pattern in files.items()}
        columns = {**rows.columns, **asked.columns}
        if not asked.labels_each:
            return [self._new(asked.name, asked, (), paths, columns)]
        labels = self._labels(asked, paths, columns)
        groups = [
            labels[at : at + asked.labels_each]
            for at in range(0, len(labels), asked.labels_each)
        ]  # fmt: skip
        wide = len(str(len(groups)))
        return [
            self._new(asked.name.replace("{}", f"{at:0{wide}}"), asked, group, paths, columns)
            for at, group in enumerate(groups, 1)
        ]

    def _new(
        self, name: str, asked: RecipeTask, group: tuple[str, ...], paths: Mapping[str, Path],
        columns: Mapping[str, str],
    ) -> NewTask:  # fmt: skip
        self._how[name] = asked, group
        if asked.prompt:
            columns = {"text": "prompt", "target" if asked.kind == "seq2seq" else "label": "target"}
        own = dict(columns) or None  # None to guess
        return new_task(name, asked.kind, paths, own, group or asked.labels or None)

    def _labels(
        self, asked: RecipeTask, paths: Mapping[str, Path], columns: Mapping[str, str]
    ) -> tuple[str, ...]:
        """The labels of a data set, in its own order."""
        table = self._whole(next(iter(paths.values())), self._recipe.draw, None)
        column = columns.get("label", "label")
        named = dict(table.names).get(column) or asked.labels
        seen = {label_text(plain(row[column])) for row in table.rows if column in row}
        if not seen:
            raise BadData(f"{table.path} has no column {column!r}, which is to be the label.")
        labels = tuple(named) or tuple(sorted(seen, key=_natural))
        if len(labels) % asked.labels_each:
            raise BadData(
                f"{table.path} has {len(labels)} labels, which do not divide into tasks of "
                f"{asked.labels_each}."
            )
        return labels

    def read(self, task: NewTask, path: Path, seed: int) -> Table:
        """The rows of a file, or of all that a pattern names, which belong to a task."""
        asked, group = self._how[task.name]
        split = next(split for split, file in task.files.items() if file == path)
        most = self._recipe.rows[asked.rows].most.get("held_out" if split == ALL else split)
        table = self._whole(path, seed, most)
        column = (task.columns or {}).get("label", "label")
        rows: list[Cells] = list(table.rows)
        if group or asked.drop:
            rows = [row for row in rows if _belongs(row.get(column), group, asked.drop)]
        if asked.prompt:
            rows = [_prompted(row, asked, path) for row in rows]
            return replace(table, rows=tuple(rows), columns=("prompt", "target"))
        return replace(table, rows=tuple(rows))


def _belongs(cell: object, group: tuple[str, ...], dropped: tuple[str, ...]) -> bool:
    label = label_text(plain(cell))
    return label not in dropped and (not group or label in group)


def _prompted(row: Cells, asked: RecipeTask, path: Path) -> Cells:
    """A row's prompt, made of its columns, and what is to be written."""

    def cell(found: re.Match[str]) -> str:
        if found[1] not in row:
            raise BadData(f"{path} has no column {found[1]!r}, of which the prompt is made.")
        return str(plain(row[found[1]]))

    column = asked.columns.get("label", "label")
    label = label_text(plain(row.get(column, "")))
    if asked.targets and label not in asked.targets:
        raise BadData(
            f"{path} has the label {label!r}, for which the recipe says no target; it says "
            f"{', '.join(asked.targets)}."
        )
    target = asked.targets[label] if asked.targets else label
    return {"prompt": _PLACE.sub(cell, asked.prompt), "target": target}


def _joined(pattern: Path, seed: int, most: int | None) -> Table:
    """The rows of all files that a pattern names, as one table."""
    files = _files(pattern)
    read: Callable[[Path], Table] = partial(read_table, seed=seed, most=most or MOST_ROWS)
    if len(files) == 1:
        return read(files[0])
    tables = [read(each) for each in files]
    first = tables[0]
    if other := next((each for each in tables if each.columns != first.columns), None):
        raise BadData(
            f"{other.path} has the columns {', '.join(other.columns)}, {first.path} "
            f"{', '.join(first.columns)}."
        )
    rows = tuple(row for table in tables for row in table.rows)
    digest = " ".join(table.digest for table in tables)
    return replace(first, rows=rows, total=sum(table.total for table in tables), digest=digest)


def _files(pattern: Path) -> list[Path]:
    if not any(mark in str(pattern) for mark in "*?["):
        return [pattern]
    parts = pattern.parts
    at = next(at for at, each in enumerate(parts) if any(mark in each for mark in "*?["))
    home = Path(*parts[:at])
    found = sorted(each for each in home.glob(str(Path(*parts[at:]))) if each.is_file())
    if not found:
        raise BadData(f"No file in {home} is called {Path(*parts[at:])}.")
    return found


def _natural(label: str) -> tuple[bool, float, str]:
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
