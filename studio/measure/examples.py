"""Rows of tasks, made ready to be asked: read, encoded, and put into batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.errors import BadData
from studio.measure.marks import Marks
from studio.tasks.kinds.answers import Batch, Item
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import OPTIONS
from studio.tasks.row_parts import fair_order
from studio.tasks.rows import Row
from studio.tasks.task import Task, is_labelled

RowAt = tuple[str, int]
"""A row: its task, and its index in the task's rows."""


@dataclass(frozen=True)
class Examples:
    """The rows of one task and split, ready to run.

    A row asks one question or several; the questions stand row after row.

    Attributes:
        task: whose rows they are.
        items: ``n`` rows as the model reads them.
        answers: ``(q,)`` right option of every question; ``UNLABELLED`` where there is none.
        groups: ``(q,)`` labels of questions that belong together, or None if all are independent.
        order: ``(n,)`` a fixed shuffle: any beginning of it is a fair sample.
        starts: ``(n + 1,)`` where the questions of each row begin, and where the last ones end.
        extents: ``(q, 2)`` of a loss: the units and the bytes of every question's text; else None.
    """

    task: Task
    items: list[Item]
    answers: np.ndarray
    groups: np.ndarray | None
    order: np.ndarray
    starts: np.ndarray
    extents: np.ndarray | None = None

    def questions(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Indices of the questions of some rows, row after row."""
        return questions_of(self.starts, rows)

    def row_means(self, values: Tensor, rows: np.ndarray) -> Tensor:
        """``(rows,)`` means over each row's questions, of values of all their questions."""
        if len(values) == len(rows):
            return values
        counts = torch.from_numpy(self.starts[rows + 1] - self.starts[rows])
        owners = torch.repeat_interleave(torch.arange(len(rows)), counts)
        return torch.zeros(len(rows), dtype=values.dtype).index_add(0, owners, values) / counts

    def row_sums(self, values: Tensor, rows: np.ndarray) -> Tensor:
        """``(rows,)`` what rows add to a loss: their mean over questions, or all their nats."""
        means = self.row_means(values, rows)
        if self.extents is None:
            return means
        return means * torch.from_numpy(self.starts[rows + 1] - self.starts[rows])

    def shares(self, rows: np.ndarray) -> float:
        """What the sum of ``row_sums`` is divided by: the rows, or the units of their texts."""
        if self.extents is None:
            return float(len(rows))
        return float(self.extents[self.questions(rows), 0].sum())

    def marks(self, values: np.ndarray) -> Marks:
        """``(q,)`` values of all questions with what they are summed over."""
        if self.extents is None:
            return Marks(values, self.task.metric)
        return Marks(values, self.task.metric, self.extents[:, 0], self.extents[:, 1])

    def length(self, row: int) -> int:
        """How long a row is; rows of like length share a batch."""
        return self.task.kind.length(self.items[row])


def examples(model: LiveModel, task: Task, split: str, labelled: bool = True) -> Examples:
    """Read and encode a split.

    Args:
        model: that will be asked.
        task: whose rows.
        split: which of them.
        labelled: whether every row must have a label.

    Raises:
        BadData: the zoo names no file for the split, or it cannot be used.
    """
    rows = task.rows(split)
    if not rows or task.head is None:
        raise BadData(f"'{task.name}' has no {split} rows, so it cannot be scored on them.")
    bare = sum(not is_labelled(row) for row in rows)
    if bare and labelled:
        raise BadData(
            f"'{task.name}': {bare:,} of its {len(rows):,} {split} rows have no label, which is "
            "needed here. Label them; searches for coefficients by 'entropy' or 'expert' need none."
        )
    task.kind.refuse_long(task.spec, model.encoder)
    reader, where = model.readers[task.kind.name], f"'{task.name}', {split} rows"
    task.kind.refuse_unread(reader, rows, where)
    items = model.encode(task, rows)
    return Examples(
        task,
        items,
        np.array([answer for row in rows for answer in row.answers]),
        groups_of(rows),
        fair_order(len(rows)),
        starts_of(rows),
        _extents(task, items),
    )


def _extents(task: Task, items: Sequence[Item]) -> np.ndarray | None:
    if task.metric in OPTIONS:
        return None
    return np.array([each for item in items for each in task.kind.extents(item)], float)


def starts_of(rows: Sequence[Row]) -> np.ndarray:
    """``(n + 1,)`` where the questions of each row begin, and where the last ones end."""
    return np.cumsum([0, *(len(row.answers) for row in rows)])


def questions_of(starts: np.ndarray, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Indices of the questions of some rows, row after row."""
    if starts[-1] == len(starts) - 1:  # one each
        return np.asarray(rows, int)
    spans = [np.arange(starts[row], starts[row + 1]) for row in rows]
    return np.concatenate(spans) if spans else np.zeros(0, int)


def groups_of(rows: Sequence[Row]) -> np.ndarray | None:
    """``(q,)`` labels of the rows' questions that belong together; None if all are independent.

    Questions of a group of rows belong together, and so do those of a row.
    """
    if rows[0].group is not None:
        return np.array([row.group for row in rows for _ in row.answers])
    if all(len(row.answers) == 1 for row in rows):
        return None
    return np.array([place for place, row in enumerate(rows) for _ in row.answers])


def sampled(part: Examples, rows: int | None) -> Examples:
    """At most so many rows of a task: the beginning of its fixed shuffle; None for all."""
    if rows is None or rows >= len(part.items):
        return part
    return picked(part, part.order[:rows])


def picked(part: Examples, chosen: np.ndarray) -> Examples:
    """Some rows of a task, by their indices, in that order."""
    asked = part.questions(chosen)
    return Examples(
        part.task,
        [part.items[row] for row in chosen],
        part.answers[asked],
        None if part.groups is None else part.groups[asked],
        np.arange(len(chosen)),
        np.cumsum([0, *(part.starts[chosen + 1] - part.starts[chosen])]),
        None if part.extents is None else part.extents[asked],
    )


def batch_of(model: LiveModel, parts: Mapping[str, Examples], rows: Sequence[RowAt]) -> Batch:
    """Rows of tasks of one kind, made ready to go through a model together."""
    kind = parts[rows[0][0]].task.kind
    return model.batch(kind, [parts[task].items[row] for task, row in rows])


def by_kind(parts: Mapping[str, Examples], rows: Sequence[RowAt]) -> list[list[RowAt]]:
    """Rows apart by the kinds of their tasks, and by what of these may share a batch."""
    apart: dict[tuple[str, str], list[RowAt]] = {}
    for task, row in rows:
        asked = parts[task].task
        apart.setdefault((asked.kind.name, asked.kind.together(asked.spec)), []).append((task, row))
    return list(apart.values())
