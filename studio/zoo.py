"""A zoo file: one base, its tasks, their heads, labels and data."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from studio.disk.files import mapping, only_keys, read_mapping, resolve_source, text_field
from studio.errors import BadZoo, Findings, SeveralBadInZoo
from studio.recipe import DEFAULT_METHOD, Recipe, TaskEntry, same_names, task_name, twice
from studio.tasks.kinds import KINDS, USUAL_KIND
from studio.tasks.kinds.contract import Kind
from studio.tasks.spec import TaskSpec, existing_file

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
    own = ("checkpoint", *kind.expert_keys)
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
    data = wrong.tried(lambda: mapping(entry.get("data") or {}, f"{where}: data", BadZoo)) or {}
    wrong.tried(lambda: only_keys(data, SPLITS, f"{where}: data", BadZoo))
    files = {
        split: wrong.tried(partial(_rows_file, data, split, folder, where))
        for split in data
        if split in SPLITS
    }
    wrong.refuse()
    assert name is not None
    assert source is not None
    assert settings is not None
    found = {split: file for split, file in files.items() if file}
    return TaskSpec(name=name, checkpoint=source, type=kind.name, settings=settings, data=found)


def _rows_file(data: dict, split: str, folder: Path, where: str) -> Path:
    named = text_field(data, split, where, BadZoo)
    return existing_file(folder / named, f"{where}: data {split}")


def _kind(entry: dict, where: str) -> Kind:
    name = entry.get("type", USUAL_KIND.name)
    if not isinstance(name, str) or name not in KINDS:
        raise BadZoo(f"{where} has type {name!r}; supported is {', '.join(KINDS)}.")
    return KINDS[name]


def _entry_keys(kind: Kind) -> tuple[str, ...]:
    return ("name", "checkpoint", "type", *kind.keys, "data")


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
