"""What a person changes of a task in the making: name, checkpoint, files, columns, labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint, BadZoo
from studio.new_zoo.finding import Found
from studio.new_zoo.grouping import Member
from studio.new_zoo.plan import ALL, NewTask, files_apart, planned
from studio.recipe import task_name


def changed(
    task: NewTask, member: Member, base: Checkpoint, what: Mapping[str, object],
    inside: Callable[[str], Path], columns_in: Callable[[Path], Sequence[str]],
) -> NewTask:  # fmt: skip
    """A task as a person wants it.

    Args:
        task: in the making.
        member: that it was made of, with all versions of its training.
        base: that is shared.
        what: called (another name), rows (a path from which all are drawn), files ({split: path}),
            fields ({name: column}; None to guess), labels (names, or a text with commas), or
            version (the name of a checkpoint's folder).
        inside: resolves a path from a page; raises to forbid it.
        columns_in: the columns of a table, as far as they are known.

    Raises:
        StudioError: there is no such path or version, or nothing can be called so.
    """
    if called := _text(what, "called"):
        task = replace(task, name=task_name(called, "", BadZoo))
    if "version" in what:
        made = _remade(task, member, base, _text(what, "version"), task.files, columns_in)
        task = replace(made, columns=task.columns)
    files = _files(what, inside)
    if files is not None:
        made = _remade(task, member, base, task.checkpoint.name, files, columns_in)
        kept = _first(files) == _first(task.files)  # whose columns were chosen
        task = replace(made, columns=task.columns) if kept else made
    if "fields" in what:
        fields = what["fields"]
        chosen = fields.items() if isinstance(fields, Mapping) else ()
        columns = {str(name): str(column) for name, column in chosen if column}
        task = replace(task, columns=columns if isinstance(fields, Mapping) else None)
    return replace(task, labels=_labels(task, what["labels"])) if "labels" in what else task


def _labels(task: NewTask, given: object) -> tuple[str, ...] | None:
    """Names of labels, of which a text that shows those that there are changes none."""
    if isinstance(given, tuple):
        return tuple(map(str, given))
    text = str(given or "").strip()
    if task.labels and text == ", ".join(task.labels):  # a label may hold a comma
        return task.labels
    return tuple(x.strip() for x in text.split(",") if x.strip()) or None


def _text(what: Mapping[str, object], key: str) -> str:
    return str(what.get(key) or "").strip()


def _first(files: Mapping[str, Path]) -> Path | None:
    return next(iter(files.values()), None)


def _files(
    what: Mapping[str, object], inside: Callable[[str], Path]
) -> dict[str, Path] | None:  # fmt: skip
    """The files that a change names, by split; None if it is about none."""
    by_split = what.get("files")
    if isinstance(by_split, Mapping):
        paths = {str(split): _text(by_split, split) for split in by_split}
        return files_apart({split: inside(path) for split, path in paths.items() if path})
    if "rows" not in what:
        return None
    path = _text(what, "rows")
    return {ALL: inside(path)} if path else {}


def _remade(
    task: NewTask, member: Member, base: Checkpoint, version: str, files: Mapping[str, Path],
    columns_in: Callable[[Path], Sequence[str]],
) -> NewTask:  # fmt: skip
    """The task of a version with files, whose columns also tell its kind."""
    found = [each for each in member.versions if each.folder.name == version]
    if not found:
        raise BadCheckpoint(f"'{task.name}' has no version '{version}'.")
    taken = replace(member, model=found[0])
    (remade,) = planned(base, [taken], Found(), {member.name: files}, (), columns_in)
    return replace(remade, name=task.name, labels=task.labels)
