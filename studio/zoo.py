"""A zoo file: one base, its tasks, their heads, labels and data."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from studio.disk.files import inside, mapping, only_keys, read_mapping, resolve_source, text_field
from studio.errors import BadZoo
from studio.recipe import DEFAULT_METHOD, Recipe, TaskEntry, task_name

SPLITS = ("held_out", "validation", "train")
TYPES = ("text-classification",)
POOLINGS = ("mean", "cls", "pooler")
_KEYS = ("name", "base", "tasks", "general")
_TASK_KEYS = (
    "name", "checkpoint", "type", "head", "head_only", "labels", "pooling", "max_length", "data",
)  # fmt: skip
_GENERAL_KEYS = tuple(key for key in _TASK_KEYS if key not in ("checkpoint", "head_only"))


@dataclass(frozen=True)
class ZooTask:
    """One task as the zoo file names it; paths are absolute.

    Attributes:
        name: what people call it.
        checkpoint: folder or hub id.
        head: file with ``weight`` (labels, hidden) and ``bias``; None if the checkpoint holds it.
        head_only: the same, fitted on the untouched base; None if there is none.
        labels: file with the list of label names; None takes indices.
        pooling: how token states become one vector: mean, cls or pooler.
        max_length: tokens after which a text is cut.
        data: {split: file of rows}.
    """

    name: str
    checkpoint: str
    type: str = "text-classification"
    head: Path | None = None
    head_only: Path | None = None
    labels: Path | None = None
    pooling: str = "mean"
    max_length: int = 128
    data: dict[str, Path] = field(default_factory=dict)


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
    tasks: tuple[ZooTask, ...]
    general: tuple[ZooTask, ...] = ()

    def recipe(self, method: str = DEFAULT_METHOD, coefficient: float | None = None) -> Recipe:
        """All tasks of the zoo in its order, with one coefficient (None: the method's default)."""
        entries = tuple(TaskEntry(task.name, task.checkpoint, coefficient) for task in self.tasks)
        return Recipe(self.base, entries, method)


def load_zoo(path: Path) -> Zoo:
    """Read a zoo file, or the ``zoo.yaml`` of a folder.

    Raises:
        BadZoo: naming the file, the key and what is wrong with it.
    """
    path = Path(path).absolute()
    file = path / "zoo.yaml" if path.is_dir() else path
    data = read_mapping(file, BadZoo)
    only_keys(data, _KEYS, str(file), BadZoo)
    entries = data.get("tasks")
    if not isinstance(entries, list) or not entries:
        raise BadZoo(f"{file} lists no tasks; a zoo needs at least one.")
    tasks = tuple(_task(e, file.parent, f"{file}: task {i}") for i, e in enumerate(entries, 1))
    title = data.get("name", file.parent.name)
    if not isinstance(title, str):
        raise BadZoo(f"{file}: 'name' is {title!r}; it must be text.")
    base = resolve_source(text_field(data, "base", str(file), BadZoo), file.parent)
    general = _all_general(data.get("general", []), base, file)
    for name, count in Counter(each.name for each in (*tasks, *general)).items():
        if count > 1:
            raise BadZoo(f"{file} names the task '{name}' twice; names must differ.")
    return Zoo(title, file.parent, base, tasks, general)


def _all_general(entries: object, base: str, file: Path) -> tuple[ZooTask, ...]:
    if not isinstance(entries, list):
        raise BadZoo(f"{file}: 'general' must be a list of rows that belong to no task.")
    return tuple(
        _general(entry, base, file.parent, f"{file}: general {i}")
        for i, entry in enumerate(entries, 1)
    )


def _general(entry: object, base: str, folder: Path, where: str) -> ZooTask:
    """Rows that belong to no task; the base has no head, so the entry must name one."""
    entry = mapping(entry, where, BadZoo)
    only_keys(entry, _GENERAL_KEYS, where, BadZoo)
    made = _task(entry | {"checkpoint": base}, folder, where)
    if made.head is None:
        raise BadZoo(f"{where} ('{made.name}') names no head; give one fitted on the base.")
    if "held_out" not in made.data or "train" in made.data:
        raise BadZoo(
            f"{where} ('{made.name}') has data {', '.join(made.data) or 'of no split'}; it needs "
            "held_out, may have validation, and nothing else."
        )
    return made


def _task(entry: object, folder: Path, where: str) -> ZooTask:
    entry = mapping(entry, where, BadZoo)
    only_keys(entry, _TASK_KEYS, where, BadZoo)
    name = task_name(text_field(entry, "name", where, BadZoo), where, BadZoo)
    kind = entry.get("type", "text-classification")
    if kind not in TYPES:
        raise BadZoo(f"{where} has type {kind!r}; supported is {', '.join(TYPES)}.")
    pooling = entry.get("pooling", "mean")
    if pooling not in POOLINGS:
        raise BadZoo(f"{where} has pooling {pooling!r}; it must be one of {', '.join(POOLINGS)}.")
    length = entry.get("max_length", 128)
    if type(length) is not int or not 1 <= length <= 100_000:
        raise BadZoo(f"{where} has max_length {length!r}; it must be a whole number from 1.")
    data = mapping(entry.get("data") or {}, f"{where}: data", BadZoo)
    only_keys(data, SPLITS, f"{where}: data", BadZoo)
    return ZooTask(
        name=name,
        checkpoint=resolve_source(text_field(entry, "checkpoint", where, BadZoo), folder),
        type=kind,
        head=_file(entry, "head", folder, where),
        head_only=_file(entry, "head_only", folder, where),
        labels=_file(entry, "labels", folder, where),
        pooling=pooling,
        max_length=length,
        data={
            s: _existing(folder / text_field(data, s, where, BadZoo), f"{where}: data {s}")
            for s in data
        },
    )


def _file(entry: dict, key: str, folder: Path, where: str) -> Path | None:
    if entry.get(key) is None:
        return None
    return _existing(folder / text_field(entry, key, where, BadZoo), f"{where}: {key}")


def _existing(path: Path, where: str) -> Path:
    try:
        return inside(path.parent, path, BadZoo)
    except BadZoo as problem:
        raise BadZoo(f"{where}: {problem}") from None
