"""A zoo file: one base, its tasks, their heads, labels and data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from studio.disk.files import mapping, only_keys, read_mapping, resolve_source, text_field
from studio.errors import BadZoo, Findings, SeveralBadInZoo
from studio.methods import method_type
from studio.recipe import DEFAULT_METHOD, Recipe, TaskEntry, same_names, task_name, twice
from studio.tasks.answerer import recorded_answerer
from studio.tasks.kinds import KINDS, USUAL_KIND
from studio.tasks.kinds.contract import Kind
from studio.tasks.metric import OPTIONS
from studio.tasks.spec import EXPERT, TaskSpec, existing_file, is_answered

SPLITS = ("held_out", "validation", "train")
_KEYS = ("name", "base", "tasks", "general")


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

    def started(self, method: str) -> Recipe:
        """All tasks of the zoo with what the mixer starts a method at: one number everywhere.

        It is left out where it is the method's default, which a file without it means.

        Raises:
            BadRecipe: there is no such method.
        """
        return self.recipe(method, started_at(method, len(self.tasks)))


def started_at(method: str, count: int) -> float | None:
    """The coefficient that so many tasks start a method at; None if it is the method's default.

    Raises:
        BadRecipe: there is no such method.
    """
    kind = method_type(method)
    start = kind.starting_coefficient(count)
    return None if start == kind.default_coefficient else start


def load_zoo(path: Path) -> Zoo:
    """Read a zoo file, or the ``zoo.yaml`` of a folder.

    Raises:
        BadZoo: naming the file, the key and what is wrong with it.
        SeveralBadInZoo: the same for every mistake of the file.
    """
    path = Path(path).absolute()
    file = path / "zoo.yaml" if path.is_dir() else path
    data = read_mapping(file, BadZoo)
    wrong = Findings(f"{file}", several=SeveralBadInZoo)
    wrong.tried(lambda: only_keys(data, _KEYS, str(file), BadZoo))
    tasks = _all_tasks(data.get("tasks"), file, wrong)
    title = data.get("name", file.parent.name)
    if not isinstance(title, str):
        wrong.add(BadZoo(f"{file}: 'name' is {title!r}; it must be text."))
    base = wrong.tried(
        lambda: resolve_source(text_field(data, "base", str(file), BadZoo), file.parent)
    )
    general = _all_general(data.get("general", []), base or str(file.parent), file, wrong)
    for one, other in same_names(_names(data)):
        wrong.add(BadZoo(f"{file} names {twice(one, other)}"))
    wrong.tried(lambda: _refuse_two_models((*tasks, *general), file))
    if wrong.found:  # else opening it says so
        for number, entry in enumerate(data.get("tasks") or (), 1):
            wrong.tried(partial(_refuse_no_folder, entry, file.parent, f"{file}: task {number}"))
    wrong.refuse()
    assert base is not None
    return Zoo(title, file.parent, base, tasks, general)


def _names(data: dict) -> list[str]:
    """Every name in the file, also in an entry that is wrong elsewhere."""
    lists = (data.get("tasks"), data.get("general"))
    entries = [each for found in lists if isinstance(found, list) for each in found]
    named = (each.get("name") for each in entries if isinstance(each, dict))
    return [each for each in named if isinstance(each, str)]


def _all_tasks(entries: object, file: Path, wrong: Findings) -> tuple[TaskSpec, ...]:
    if not isinstance(entries, list) or not entries:
        raise BadZoo(f"{file} lists no tasks; a zoo needs at least one.")
    made = (
        wrong.tried(partial(_task, entry, file.parent, f"{file}: task {i}"))
        for i, entry in enumerate(entries, 1)
    )
    return tuple(task for task in made if task)


def _all_general(entries: object, base: str, file: Path, wrong: Findings) -> tuple[TaskSpec, ...]:
    if not isinstance(entries, list):
        wrong.add(BadZoo(f"{file}: 'general' must be a list of rows that belong to no task."))
        return ()
    made = (
        wrong.tried(partial(_general, entry, base, file.parent, f"{file}: general {i}"))
        for i, entry in enumerate(entries, 1)
    )
    return tuple(rows for rows in made if rows)


def _general(entry: object, base: str, folder: Path, where: str) -> TaskSpec:
    """Rows that belong to no task: asked of the untouched base alone."""
    entry = mapping(entry, where, BadZoo)
    kind = _kind(entry, where)
    own = ("checkpoint", "digest", "labelled_by", *kind.expert_keys)
    only_keys(entry, tuple(key for key in _entry_keys(kind) if key not in own), where, BadZoo)
    made = _task(entry | {"checkpoint": base}, folder, where)
    kind.refuse_general(made, where)
    if "held_out" not in made.data or "train" in made.data:
        raise BadZoo(
            f"{where} ('{made.name}') has data {', '.join(made.data) or 'of no split'}; it needs "
            "held_out, may have validation, and nothing else."
        )
    return made


def _task(entry: object, folder: Path, where: str) -> TaskSpec:
    entry = mapping(entry, where, BadZoo)
    kind = _kind(entry, where)
    wrong = Findings(where)
    wrong.tried(lambda: only_keys(entry, _entry_keys(kind), where, BadZoo))
    name = wrong.tried(lambda: task_name(text_field(entry, "name", where, BadZoo), where, BadZoo))
    source = wrong.tried(
        lambda: resolve_source(text_field(entry, "checkpoint", where, BadZoo), folder)
    )
    settings = wrong.tried(lambda: kind.settings(entry, folder, where))
    answered = wrong.tried(partial(_labelled_by, entry, where))
    digest = wrong.tried(partial(_digest, entry, where))
    data = wrong.tried(lambda: mapping(entry.get("data") or {}, f"{where}: data", BadZoo)) or {}
    wrong.tried(lambda: only_keys(data, SPLITS, f"{where}: data", BadZoo))
    files = {
        split: wrong.tried(partial(_rows_file, data, split, folder, where))
        for split in data
        if split in SPLITS
    }
    wrong.tried(partial(_refuse_answers_as_labels, files, answered, where))
    wrong.refuse()
    assert name is not None
    assert source is not None
    assert settings is not None
    found = {split: file for split, file in files.items() if file}
    answerer = recorded_answerer(folder, found.values()) if answered else ""
    about = found, answered or "", answerer, digest or ""
    return TaskSpec(name, source, kind.name, settings, *about)


def _labelled_by(entry: dict, where: str) -> str:
    """Who has answered the rows: empty for those who labelled them."""
    named = entry.get("labelled_by", "")
    if named not in ("", EXPERT):
        raise BadZoo(
            f"{where}: 'labelled_by' is {named!r}; it is {EXPERT!r} where the rows hold the "
            "answers of the task's own expert, and left out where they hold labels."
        )
    return named


def _digest(entry: dict, where: str) -> str:
    """The digest that the checkpoint must have; empty for any."""
    named = entry.get("digest", "")
    if not isinstance(named, str) or (named and not re.fullmatch("[0-9a-f]{64}", named)):
        raise BadZoo(
            f"{where}: 'digest' is {str(named)[:80]!r}; it is the checkpoint's digest, 64 "
            "hexadecimal digits in quotes, or left out."
        )
    return named


def _refuse_answers_as_labels(
    files: Mapping[str, Path | None], answered: str | None, where: str
) -> None:
    """Refuse an expert's answers in an entry that calls them labels: it would be all right."""
    found = [file for file in files.values() if file and is_answered(file)]
    if found and answered == "":
        raise BadZoo(
            f"{where}: {found[0]} holds the answers of the task's own expert, and no labels. Write "
            f"'labelled_by: {EXPERT}' beside its data, so that it is scored by agreement."
        )


def _rows_file(data: dict, split: str, folder: Path, where: str) -> Path:
    named = text_field(data, split, where, BadZoo)
    return existing_file(folder / named, f"{where}: data {split}")


def _kind(entry: dict, where: str) -> Kind:
    name = entry.get("type", USUAL_KIND.name)
    if not isinstance(name, str) or name not in KINDS:
        raise BadZoo(f"{where} has type {name!r}; supported is {', '.join(KINDS)}.")
    return KINDS[name]


def _entry_keys(kind: Kind) -> tuple[str, ...]:
    answered = ("labelled_by",) if kind.metric in OPTIONS else ()
    return ("name", "checkpoint", "digest", "type", *kind.keys, *answered, "data")


def _refuse_no_folder(entry: object, folder: Path, where: str) -> None:
    named = entry.get("checkpoint") if isinstance(entry, dict) else None
    source = resolve_source(named, folder) if isinstance(named, str) and named else ""
    if Path(source).is_absolute() and not Path(source).exists():
        raise BadZoo(f"{where}: its checkpoint {source} does not exist.")


def _refuse_two_models(specs: tuple[TaskSpec, ...], file: Path) -> None:
    """All tasks are asked of one model in memory, so their kinds must load the same."""
    models = {KINDS[spec.type].model_class: spec for spec in specs}
    if len(models) > 1:
        (one, first), (two, second), *_ = models.items()
        raise BadZoo(
            f"{file}: '{first.name}' is asked of {one}, '{second.name}' of {two}; one model in "
            "memory answers for all tasks. Put them into two zoo files."
        )
