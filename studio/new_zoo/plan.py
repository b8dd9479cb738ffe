"""A zoo in the making: its tasks, where their rows come from, and what answers for them."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.weights import HEAD_FILES
from studio.errors import StudioError
from studio.new_zoo.columns import guess
from studio.new_zoo.finding import Found
from studio.new_zoo.grouping import Member
from studio.new_zoo.kinds import kind_of
from studio.new_zoo.tables import Table, read_table
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.contract import Opened
from studio.tasks.spec import TaskSpec
from studio.zoo import SPLITS

ALL = "all"
"""In place of a split: the file that held-out and validation rows are drawn from."""
FITTED = ("text-classification", "image-classification")
"""Kinds for which a head can be fitted here."""
_SPLIT_WORDS = {
    "held_out": ("held_out", "heldout", "test", "eval"),
    "validation": ("validation", "valid", "val", "dev"),
    "train": ("train", "training"),
}
_PARTS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class NewTask:
    """A task of the zoo in the making.

    Attributes:
        name: of the task.
        checkpoint: folder or file of its weights.
        kind: name of its kind.
        files: {split: file or folder of images}, or {``ALL``: the one to draw from}; may be empty.
        columns: by field, the column that holds it; None to guess.
        labels: in the order of the head, by a person; None leaves them to the checkpoint.
        opened: what answers for it so far; a head of None is fitted if the task has rows.
        refused: why what lies beside its weights cannot answer for it, or None.
        trained: whether its checkpoint is made here, of its own training rows.
        keys: further keys of its entry, such as those that it was trained with.
    """

    name: str
    checkpoint: Path
    kind: str
    files: Mapping[str, Path] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    labels: tuple[str, ...] | None = None
    opened: Opened | None = field(default=None, compare=False)  # tensors have no one equality
    refused: StudioError | None = None
    trained: bool = False
    keys: Mapping[str, object] = field(default_factory=dict)

    @property
    def needs_head(self) -> bool:
        """Whether a head must be fitted before its rows can be scored.

        One that was trained has its own, or none because other layers answer.
        """
        missing = self.opened is None or (self.opened.head is None and not self.trained)
        return self.kind in FITTED and missing and self.refused is None

    @property
    def needs_train(self) -> bool:
        """Whether there must be rows to train on, or to fit a head on."""
        return self.needs_head or self.trained


@dataclass(frozen=True)
class Plan:
    """A zoo in the making.

    Attributes:
        name: of the zoo.
        base: opened.
        source: folder or hub id of the base.
        tasks: in the order of the zoo.
        seed: of every draw.
        digests: whether the zoo file is to name the digest of each checkpoint.
    """

    name: str
    base: Checkpoint
    source: str
    tasks: tuple[NewTask, ...]
    seed: int = 0
    digests: bool = False


def columns_of_file(file: Path) -> Sequence[str]:
    """The columns of a table; none if it cannot be read, which is said when its rows are."""
    try:
        return read_table(file).columns
    except StudioError:
        return ()


def planned(
    base: Checkpoint, members: Sequence[Member], found: Found, data: Mapping[str, Mapping],
    among: Sequence[Member] = (), columns_in: Callable[[Path], Sequence[str]] = columns_of_file,
) -> tuple[NewTask, ...]:  # fmt: skip
    """Tasks of the members, each with the tables that seem to be its own.

    Args:
        base: that they share.
        members: that become tasks.
        found: among whose tables those of a task are looked for.
        data: {task: {split or ``ALL``: file}}, for tasks whose files a person has named.
        among: every member that was found, whose tables are not another's; none for the members.
        columns_in: the columns of a table, which may say of which kind a task is.
    """
    own = tables_of(among or members, found)
    made = []
    for member in members:
        files = {**data.get(member.name, own.get(member.name, {}))}
        columns = columns_in(next(iter(files.values()))) if files else ()
        kind, _ = kind_of(base, member.model.checkpoint, columns)
        task = NewTask(member.name, member.model.folder, kind, files)
        try:
            opened = answering(base, member.name, member.model.checkpoint, kind)
            made.append(replace(task, opened=opened))
        except StudioError as problem:
            made.append(replace(task, refused=problem))
    return tuple(made)


def entry_of(task: str, checkpoint: Path, kind: str) -> dict:
    """What lies beside a checkpoint and answers for it, as keys of a zoo file."""
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    named = zip(("head", "head_only", "labels"), (*HEAD_FILES, "labels.json"), strict=True)
    beside = {key: folder / name for key, name in named}
    keys = KINDS[kind].keys
    return {key: str(file) for key, file in beside.items() if key in keys and file.is_file()}


def answering(base: Checkpoint, task: str, checkpoint: Checkpoint, kind: str) -> Opened:
    """What answers for a task without a zoo: a head of its own, or None for one.

    Raises:
        StudioError: what lies beside its weights does not fit.
    """
    joined = join(base, task, checkpoint)
    private = Deltas(base, [(task, checkpoint)], [joined]).private(task)
    settings = KINDS[kind].settings(entry_of(task, checkpoint.folder, kind), Path("/"), task)
    spec = TaskSpec(task, str(checkpoint.folder), kind, settings)
    opened = KINDS[kind].open(spec, private, base)
    if opened.head:
        KINDS[kind].refuse_misfit(spec, opened.head, base)
    return opened


def files_apart(given: Mapping[str, Path]) -> dict[str, Path]:
    """Files that were named by split, as a task has them.

    Where one is named for the held-out rows and none for the validation rows, both are drawn from
    it, and so are training rows if they are needed and have no file.
    """
    files = {split: given[split] for split in SPLITS if split in given}
    if "held_out" in files and "validation" not in files:
        files = {ALL: files.pop("held_out"), **files}
    return files


def splits_of(files: Mapping[str, Path]) -> dict[str, Path]:
    """By split, the file that a person would have named for it: what ``files_apart`` undoes."""
    return {"held_out" if split == ALL else split: file for split, file in files.items()}


def one_file(files: Mapping[str, Path]) -> dict[str, Path]:
    """The file that all splits would be drawn from, were there only one."""
    file = next((files[split] for split in (ALL, *SPLITS) if split in files), None)
    return {ALL: file} if file else {}


def columns_of(task: NewTask, table: Table) -> dict[str, str]:
    """The columns of a table that are read: those that a person chose, or the guessed ones."""
    if task.columns is not None:
        return {name: column for name, column in task.columns.items() if column}
    return guess(task.kind, table, task.labels or (task.opened.labels if task.opened else ()))


def tables_of(members: Sequence[Member], found: Found) -> dict[str, dict[str, Path]]:
    """By task, the tables that are its own: in its folder, or called as it is."""
    places = [*found.tables, *found.images]
    by_task: dict[str, dict[str, Path]] = {}
    for member in members:
        inside = [p for p in places if p.is_relative_to(member.model.run)]
        called = [p for p in places if p not in inside and _is_called(p, member.name, members)]
        files = _by_split(inside) or _by_split(called)
        if files:
            by_task[member.name] = files
    if not by_task and len(members) == 1 and places:
        by_task[members[0].name] = _by_split(places)
    return by_task


def _words(text: str) -> list[str]:
    plainly = unicodedata.normalize("NFC", text.casefold())
    return [word for word in _PARTS.split(plainly) if word]


def _is_called(path: Path, name: str, members: Sequence[Member]) -> bool:
    """Whether a path's name, or its folder's, has all words of a task's, and of no longer one."""
    own = _bare(_words(name))
    for part in (path.stem, path.parent.name):
        said = {*_words(part)}
        fitting = [m.name for m in members if {*_bare(_words(m.name))} <= said]
        if fitting and max(fitting, key=len) == name and own:
            return True
    return False


def _bare(words: Sequence[str]) -> list[str]:
    """Words of a task's name without those that every run has in its name."""
    usual = {"lora", "adapter", "full", "ft", "finetuned", "model", "expert", "oft"}
    return [word for word in words if word not in usual] or list(words)


def split_called(path: Path) -> str | None:
    """The split that the name of a file, or of a folder of images, says."""
    words = {*_words(path.stem), *_words(path.stem.replace("-", "_").replace("_", ""))}
    return next((split for split, said in _SPLIT_WORDS.items() if words & {*said}), None)


def _by_split(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by the split that their names say, or the one file that all are drawn from."""
    found: dict[str, Path] = {}
    rest = []
    for path in paths:
        split = split_called(path)
        if split is None:
            rest.append(path)
        else:
            found.setdefault(split, path)
    if {"held_out", "validation"} <= {*found}:
        return {split: found[split] for split in SPLITS if split in found}
    measured = found.get("held_out") or found.get("validation")  # rows that no expert has seen
    if measured:
        return {ALL: measured} | ({"train": found["train"]} if "train" in found else {})
    one = [*found.values(), *rest]
    return {ALL: one[0]} if one else {}
