"""A task with its labels, rows and heads opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from studio.checkpoints.alignment import HEADS
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadZoo
from studio.tasks.heads import Head, head_from_checkpoint, head_from_file
from studio.tasks.rows import UNLABELLED, Row, read_labels, read_rows
from studio.zoo import ZooTask


@dataclass(frozen=True)
class Task:
    """What a merged model is asked to do.

    Attributes:
        spec: the zoo's entry.
        labels: names; from the file, else the head's indices as text.
        head: trained with the expert; None if the task has no data and no head.
        head_only: fitted on the untouched base, or None.
    """

    spec: ZooTask
    labels: tuple[str, ...]
    head: Head | None
    head_only: Head | None
    _rows: dict[str, tuple[Row, ...]] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.spec.name

    def rows(self, split: str) -> tuple[Row, ...]:
        """The rows of a split; empty if the zoo names no file for it."""
        if split not in self._rows:
            file = self.spec.data.get(split)
            labelled = split != "validation"  # which may serve a loss that needs no labels
            self._rows[split] = read_rows(file, self.labels, labelled) if file else ()
        return self._rows[split]

    def labelled(self, split: str) -> bool:
        """Whether a split has rows, and each has a label."""
        rows = self.rows(split)
        return bool(rows) and all(row.label != UNLABELLED for row in rows)


def open_task(
    spec: ZooTask, private: Mapping[str, Tensor], base: Checkpoint, head: Path | None = None
) -> Task:
    """Open a task's head and labels; its rows are read when they are asked for.

    Args:
        spec: the zoo's entry.
        private: the checkpoint's tensors that are not merged.
        base: for the pooler.
        head: a head file that replaces the zoo's.

    Raises:
        BadZoo: the pooling needs a pooler that nobody has.
        BadData: the head or the labels do not fit.
    """
    names = read_labels(spec.labels) if spec.labels else None
    count = len(names) if names else None
    chosen: Head | None = None
    if head or spec.head:
        chosen = head_from_file(head or spec.head, count, spec.name)  # type: ignore[arg-type]
    elif spec.data or any(name.split(".")[0] in HEADS for name in private):
        chosen = head_from_checkpoint(private, count, spec.name)
    if chosen is not None and spec.pooling == "pooler" and chosen.pooler is None:
        _need_pooler(spec, base)
    fitted = head_from_file(spec.head_only, count, spec.name) if spec.head_only else None
    size = len(chosen.weight) if chosen is not None else 0
    return Task(spec, names or tuple(str(i) for i in range(size)), chosen, fitted)


def _need_pooler(spec: ZooTask, base: Checkpoint) -> None:
    if not any(name.endswith("pooler.dense.weight") for name in base.names):
        raise BadZoo(
            f"'{spec.name}' asks for pooling 'pooler', but neither the base nor its checkpoint "
            "holds pooler.dense.weight. Use mean or cls."
        )
