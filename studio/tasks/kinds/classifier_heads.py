"""What kinds that choose a label by a head have in common: labels, the next head, files."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import source_folder
from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.classes import head_of, other_task
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.labels import joined, labelled, listed, named_labels
from studio.tasks.own_class import OwnHead
from studio.tasks.rows import names_in_rows
from studio.tasks.spec import TaskSpec


def opened_with_labels(
    spec: TaskSpec, names: tuple[str, ...] | None, base: Checkpoint, written: bool,
    found: tuple[LinearHead | OwnHead, bool, tuple[str, ...]],
) -> Opened:  # fmt: skip
    """A head with its labels, in the order of the zoo's where it names them.

    Args:
        spec: the zoo's entry.
        names: of the labels by the zoo; None if it names none.
        base: of the zoo.
        written: whether an export has written the head.
        found: the head, whether it is the checkpoint's own, and notes; see ``head_of``.

    Raises:
        BadData: labels and head do not fit.
    """
    head, own_head, notes = found
    if written and isinstance(head, OwnHead):
        own = named_labels(head.config, names)
        names, head, _ = joined(spec.name, names, own, head) if own else (names, head, ())
    elif not written:
        names, head, said = labelled(spec, names, head, base, own_head)
        notes = (*notes, *said)
    if names is None:
        names, said = labels_of_rows(spec, head.options)
        notes = (*notes, *said)
    indices = tuple(str(index) for index in range(head.options))
    return Opened(names or indices, head, None, None, notes)


def answered_by_class(
    spec: TaskSpec, names: tuple[str, ...] | None, private: Mapping[str, Tensor], base: Checkpoint,
    file: Path | None, auto: str, written: bool,
) -> Opened:  # fmt: skip
    """The head of a file, or else the checkpoint's own in its class, with its labels.

    Args:
        spec: the zoo's entry.
        names: of the labels by the zoo; None if it names none.
        private: the checkpoint's tensors that are not merged.
        base: of the zoo.
        file: of a head; None for the checkpoint's own.
        auto: name of the auto class of the task's kind.
        written: whether an export has written the file.

    Raises:
        BadData: there is none, or labels and head do not fit.
    """
    found = head_of(spec, private, base, file, auto, names or (), written)
    if found is None:
        why = other_task(source_folder(spec.checkpoint), auto) or "no class is known for its head."
        raise BadData(f"'{spec.name}': {why} Give the task a head file.")
    return opened_with_labels(spec, names, base, written, found)


def labels_of_rows(
    spec: TaskSpec, count: int | None = None
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The names that a task's tables of rows give to its labels, and a note that they do.

    Args:
        spec: the zoo's entry.
        count: labels that there must be; None for any.
    """
    names = names_in_rows(spec.data.values())
    if names is None or len({*names}) < len(names):
        return None, ()
    if count is not None and len(names) != count:
        note = f"labels: the table of its rows names {len(names)}, the head has {count}; the rows' "
        return None, (f"{note}indices count.",)
    return names, (f"labels: {listed(names)}, as the table of its rows has them.",)


def head_beside(checkpoint: str) -> Path | None:
    """The head file in a checkpoint's folder, if there is one."""
    beside = Path(checkpoint) / HEAD_FILES[0]
    return beside if beside.is_file() else None


def write_head(folder: Path, opened: Opened, settings: Mapping[str, object]) -> None:
    """Write a head, its labels and settings as JSON; of a class its configuration, too."""
    head = opened.head
    assert head is not None
    if head.tensors:
        content = save({name: x.contiguous() for name, x in head.tensors.items()})
        (folder / HEAD_FILES[0]).write_bytes(content)
    labels = json.dumps(opened.labels, indent=1, ensure_ascii=False)
    (folder / "labels.json").write_text(labels, encoding="utf-8")
    (folder / "head.json").write_text(json.dumps(settings), encoding="utf-8")
    if isinstance(head, OwnHead):
        config = json.dumps(head.named(opened.labels), indent=2)
        (folder / "config.json").write_text(config, encoding="utf-8")
