"""A task with its kind, labels, rows and heads opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.tasks.heads import Head
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.contract import Kind, Opened
from studio.tasks.last_layer import refitted_head
from studio.tasks.metric import Metric
from studio.tasks.row_parts import PARTS, VALIDATION, part_of
from studio.tasks.rows import UNLABELLED, Row
from studio.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Task:
    """What a merged model is asked to do.

    Attributes:
        spec: the zoo's entry.
        labels: names; from the file, else the head's indices as text.
        head: trained with the expert; None if the task has no data and no head.
        head_only: fitted on the untouched base, or None.
        notes: what a user should know of how it was opened, a sentence each.
    """

    spec: TaskSpec
    labels: tuple[str, ...]
    head: Head | None
    head_only: Head | None
    notes: tuple[str, ...] = ()
    _rows: dict[str, Sequence[Row]] = field(default_factory=dict, repr=False)
    _questions: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.spec.name

    @property
    def kind(self) -> Kind:
        """What knows how its rows are read and answered."""
        return KINDS[self.spec.type]

    @property
    def metric(self) -> Metric:
        """What it is scored by."""
        return self.kind.metric_of(self.spec)

    @property
    def opened(self) -> Opened:
        """What answers for it, as its kind takes it."""
        return Opened(self.labels, self.head, self.head_only)

    def rows(self, split: str) -> Sequence[Row]:
        """The rows of a split; empty if the zoo names no file for it.

        Beside those that it names, ``PARTS`` are parts of the validation rows.
        """
        if split in PARTS and split not in self._rows:
            self._rows[split] = part_of(self.rows(VALIDATION), split)
        if split not in self._rows:
            file = self.spec.data.get(split)
            labelled = split != VALIDATION  # which may serve a loss that needs no labels
            self._rows[split] = self.kind.read(file, self.labels, labelled) if file else ()
        return self._rows[split]

    def questions(self, split: str) -> int:
        """How many questions the rows of a split ask."""
        if split not in self._questions:
            self._questions[split] = sum(len(row.answers) for row in self.rows(split))
        return self._questions[split]

    def first_rows(self, split: str, most: int) -> Sequence[Row]:
        """The first rows of a split that the zoo names a file for.

        Raises:
            BadData: naming the file, the place and what is wrong.
        """
        return self.kind.read(self.spec.data[split], self.labels, split != VALIDATION, most)

    def labelled(self, split: str) -> bool:
        """Whether a split has rows, and each has a label."""
        rows = self.rows(split)
        return bool(rows) and all(is_labelled(row) for row in rows)

    def remarks(self, base: Checkpoint) -> tuple[str, ...]:
        """What a user should know of how the rows that are scored or searched on are read."""
        splits = [s for s in ("held_out", "validation") if self.head and s in self.spec.data]
        said = {split: self.kind.remarks(self.spec, base, self.rows(split)) for split in splits}
        return tuple(f"{split.replace('_', '-')} rows: {x}" for split, x in said.items() if x)

    def refitted(self, tensors: Mapping[str, Tensor] | None) -> "Task":
        """The task with another last layer of its head, see ``refitted_head``; None for its own."""
        if self.head is None or tensors is None:
            return self
        return replace(self, head=refitted_head(self.head, tensors))

    def succeeded(self, checkpoint: str, private: Mapping[str, Tensor], base: Checkpoint) -> "Task":
        """The task with another checkpoint's own head, or none: its head is of the one before.

        Args:
            checkpoint: folder of the one that comes in.
            private: its tensors that are not merged.
            base: of both.
        """
        spec, answers = self.kind.successor(self.spec, checkpoint, private)
        return open_task(spec, private, base) if answers else Task(spec, self.labels, None, None)


def is_labelled(row: Row) -> bool:
    """Whether a row says what is right."""
    return UNLABELLED not in row.answers


def open_task(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, written: Path | None = None
) -> Task:
    """Open a task's head and labels; its rows are read when they are asked for.

    Args:
        spec: the zoo's entry.
        private: the checkpoint's tensors that are not merged.
        base: of the zoo.
        written: a folder of an export that holds the task's head, which replaces the zoo's.

    Raises:
        StudioError: the head or the labels are missing or do not fit.
    """
    opened = KINDS[spec.type].open(spec, private, base, written)
    full = replace(spec, settings=opened.settings or spec.settings)
    return Task(full, opened.labels, opened.head, opened.head_only, opened.notes)
