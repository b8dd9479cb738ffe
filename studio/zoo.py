"""A zoo file: one base, its tasks, their heads, labels and data."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from studio.disk.files import mapping, only_keys, read_mapping, resolve_source, text_field
from studio.errors import BadZoo, SeveralBadInZoo, StudioError, refuse_any
from studio.recipe import DEFAULT_METHOD, Recipe, TaskEntry, task_name
from studio.tasks.kinds import KINDS, USUAL_KIND
from studio.tasks.kinds.contract import Kind
from studio.tasks.spec import TaskSpec, existing_file

SPLITS = ("held_out", "validation", "train")
_KEYS = ("name", "base", "tasks", "general")

Made = TypeVar("Made")


@dataclass(frozen=True)
class Zoo:
    """A base and the tasks that share it.

    Attributes:
        name: of the zoo.
        folder: that holds the zoo file.
        base: folder or hub id.
        tasks: in the order of the file.
        general: rows that belong to no task; their heads are fitted on the untouched base, which
            stands in each as the checkpoint.
    """

    name: str
    folder: Path
    base: str
    tasks: tuple[TaskSpec, ...]
    general: tuple[TaskSpec, ...] = ()

    def recipe(self, method: str = DEFAULT_METHOD, coefficient: float | None = None) -> Recipe:
        """All tasks of the zoo in its order, with one coefficient (None: the method's default)."""
        entries = tuple(TaskEntry(task.name, task.checkpoint, coefficient) for task in self.tasks)
        return Recipe(self.base, entries, method)


def load_zoo(path: Path) -> Zoo:
    """Read a zoo file, or the ``zoo.yaml`` of a folder; every mistake in it is found.

    Raises:
        BadZoo: naming the file, the key and what is wrong with it.
        SeveralBadInZoo: the same of several mistakes.
    """
    path = Path(path).absolute()
    file = path / "zoo.yaml" if path.is_dir() else path
    data, folder, seen = read_mapping(file, BadZoo), file.parent, Mistakes()
    seen.of(partial(only_keys, data, _KEYS, str(file), BadZoo))
    base = seen.of(partial(text_field, data, "base", str(file), BadZoo))
    base = resolve_source(base, folder) if base else ""
    entries = seen.of(partial(_listed, data, file)) or []
    tasks = [
        seen.of(partial(_task, e, folder, f"{file}: task {i}", seen))
        for i, e in enumerate(entries, 1)
    ]
    title = data.get("name", folder.name)
    if not isinstance(title, str):
        seen.found.append(BadZoo(f"{file}: 'name' is {title!r}; it must be text."))
        title = folder.name
    general = _all_general(data.get("general", []), base, file, seen)
    read = (tuple(each for each in tasks if each), tuple(each for each in general if each))
    for name, count in Counter(each.name for part in read for each in part).items():
        if count > 1:
            seen.found.append(BadZoo(f"{file} names the task '{name}' twice; names must differ."))
    seen.of(partial(_refuse_two_models, (*read[0], *read[1]), file))
    refuse_any(str(file), seen.found, SeveralBadInZoo)
    return Zoo(title, folder, base, *read)


class Mistakes:
    """What is wrong with a file; one mistake does not hide the next."""

    def __init__(self) -> None:
        self.found: list[StudioError] = []

    def of(self, read: Callable[[], Made]) -> Made | None:
        """What is read, or None with the mistake kept."""
        try:
            return read()
        except StudioError as mistake:
            self.found.append(mistake)
            return None


def _listed(data: dict, file: Path) -> list:
    entries = data.get("tasks")
    if not isinstance(entries, list) or not entries:
        raise BadZoo(f"{file} lists no tasks; a zoo needs at least one.")
    return entries


def _all_general(entries: object, base: str, file: Path, seen: Mistakes) -> list[TaskSpec | None]:
    if not isinstance(entries, list):
        problem = f"{file}: 'general' must be a list of rows that belong to no task."
        seen.found.append(BadZoo(problem))
        return []
    return [
        seen.of(partial(_general, entry, base, file.parent, f"{file}: general {i}", seen))
        for i, entry in enumerate(entries, 1)
    ]


def _general(entry: object, base: str, folder: Path, where: str, seen: Mistakes) -> TaskSpec | None:
    """Rows that belong to no task: asked of the untouched base alone."""
    entry = mapping(entry, where, BadZoo)
    kind = _kind(entry, where)
    own = ("checkpoint", *kind.expert_keys)
    only_keys(entry, tuple(key for key in _entry_keys(kind) if key not in own), where, BadZoo)
    made = _task(entry | {"checkpoint": base or "."}, folder, where, seen)
    if made is None:
        return None
    kind.refuse_general(made, where)
    if "held_out" not in made.data or "train" in made.data:
        raise BadZoo(
            f"{where} ('{made.name}') has data {', '.join(made.data) or 'of no split'}; it needs "
            "held_out, may have validation, and nothing else."
        )
    return made


def _task(entry: object, folder: Path, where: str, seen: Mistakes) -> TaskSpec | None:
    """One task; None if something in it was wrong, which is then among the mistakes."""
    before = len(seen.found)
    entry = mapping(entry, where, BadZoo)
    kind = _kind(entry, where)
    seen.of(partial(only_keys, entry, _entry_keys(kind), where, BadZoo))
    name = seen.of(lambda: task_name(text_field(entry, "name", where, BadZoo), where, BadZoo))
    settings = seen.of(partial(kind.settings, entry, folder, where))
    source = seen.of(partial(text_field, entry, "checkpoint", where, BadZoo))
    data = seen.of(lambda: mapping(entry.get("data") or {}, f"{where}: data", BadZoo)) or {}
    seen.of(partial(only_keys, data, SPLITS, f"{where}: data", BadZoo))
    rows = {s: seen.of(partial(_rows, data, s, folder, where)) for s in data if s in SPLITS}
    if len(seen.found) > before:
        return None
    assert name
    assert source
    assert settings is not None
    return TaskSpec(
        name=name,
        checkpoint=resolve_source(source, folder),
        type=kind.name,
        settings=settings,
        data={split: file for split, file in rows.items() if file},
    )


def _rows(data: dict, split: str, folder: Path, where: str) -> Path:
    file = folder / text_field(data, split, where, BadZoo)
    return existing_file(file, f"{where}: data {split}")


def _kind(entry: dict, where: str) -> Kind:
    name = entry.get("type", USUAL_KIND.name)
    if not isinstance(name, str) or name not in KINDS:
        raise BadZoo(f"{where} has type {name!r}; supported is {', '.join(KINDS)}.")
    return KINDS[name]


def _entry_keys(kind: Kind) -> tuple[str, ...]:
    return ("name", "checkpoint", "type", *kind.keys, "data")


def _refuse_two_models(specs: tuple[TaskSpec, ...], file: Path) -> None:
    """All tasks are asked of one model in memory, so their kinds must load the same."""
    models = {KINDS[spec.type].model_class: spec for spec in specs}
    if len(models) > 1:
        (one, first), (two, second), *_ = models.items()
        raise BadZoo(
            f"{file}: '{first.name}' is asked of {one}, '{second.name}' of {two}; one model in "
            "memory answers for all tasks. Put them into two zoo files."
        )
