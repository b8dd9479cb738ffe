"""Evaluation, batch by batch: every batch makes the scores of all tasks a little more certain."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from studio.errors import BadData
from studio.measure.intervals import Score
from studio.measure.marks import Marks
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch, Item
from studio.tasks.kinds.contract import places_of
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import OPTIONS
from studio.tasks.quick_pass import FULL_PRECISION
from studio.tasks.row_parts import fair_order
from studio.tasks.rows import Row
from studio.tasks.task import Task, is_labelled

_BATCH = 32  # about 50 ms of a small encoder on two cores; a new move waits for one at most
UNKNOWN = -1  # a question that was not asked
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


class Evaluation:
    """Answers of one model for some tasks, growing from a fair sample to every row.

    Where less precision is faster, a quick pass sees every row first, and an exact pass then
    replaces its answers.

    Args:
        parts: the rows, task by task.
        heads: one per task.
        quick: precision of the first pass; float32 for one exact pass.
        replacing: which heads answer in the place of some, asked when the first batch is run.

    Attributes:
        predictions: per task ``(q,)``: the option that was chosen, ``UNKNOWN`` where none was yet;
            of a loss its nats, NaN where it was not measured yet.
        besides: per task, by name ``(q, 2)``: the sums of the shares that stand beside its
            accuracy, NaN where a question was not asked; empty before the first batch.
        seconds: that the exact pass took so far.
    """

    def __init__(
        self,
        parts: Sequence[Examples],
        heads: Mapping[str, Head],
        quick: torch.dtype = FULL_PRECISION,
        replacing: Callable[[], Mapping[str, Head]] = dict,
    ) -> None:
        self.parts = {part.task.name: part for part in parts}
        self.heads = heads
        self._replacing = cache(replacing)
        self.predictions = {
            name: np.full(len(part.answers), UNKNOWN if part.extents is None else np.nan)
            for name, part in self.parts.items()
        }
        self.besides: dict[str, dict[str, np.ndarray]] = {name: {} for name in self.parts}
        rounds = _batches(self.parts)
        self._seen = len(rounds)  # batches until every row was run once
        passes = (FULL_PRECISION,) if quick is FULL_PRECISION else (quick, FULL_PRECISION)
        self._batches = [(dtype, rows) for dtype in passes for rows in rounds]
        self._next = 0
        self.seconds, self._exact = 0.0, 0  # of the exact pass, and its rows
        self._scores: tuple[int, dict[str, Score]] = (-1, {})

    @property
    def seen(self) -> bool:
        """Whether every row has been run, be it quickly."""
        return self._next >= self._seen

    @property
    def done(self) -> bool:
        """Whether every row has been run exactly."""
        return self._next >= len(self._batches)

    @property
    def share(self) -> float:
        """Share of the batches that have been run."""
        return self._next / max(len(self._batches), 1)

    @property
    def doublings(self) -> int:
        """How often the number of its batches has doubled; 0 before the first."""
        return self._next.bit_length()

    @property
    def latency(self) -> float | None:
        """Seconds of one row in float32, of those that were run here; None before the first."""
        return self.seconds / self._exact if self._exact else None

    def step(self, model: LiveModel) -> None:
        """Run the next batch; rows of tasks of a kind share it, since they share the encoder."""
        started = time.perf_counter()
        dtype, rows = self._batches[self._next]
        batch = batch_of(model, self.parts, rows)
        output = model.states(batch.inputs, dtype)
        heads = {**self.heads, **self._replacing()}
        with torch.inference_mode():
            for task, places in places_of(rows).items():
                part = self.parts[task]
                asked = part.questions([rows[place][1] for place in places.tolist()])
                about = part.task.spec, heads[task], output, batch, places
                right = torch.from_numpy(part.answers[asked])
                if part.extents is None:
                    scores = part.task.kind.scores(*about)
                    found = part.task.kind.chosen(scores, *about)
                    self._keep_besides(
                        task, asked, [batch.items[x] for x in places.tolist()], scores, right
                    )
                else:
                    found = part.task.kind.nats(*about, right)
                self.predictions[task][asked] = found.numpy()
        self._next += 1
        if dtype is FULL_PRECISION:
            self.seconds += time.perf_counter() - started
            self._exact += len(rows)

    def _keep_besides(
        self, name: str, asked: np.ndarray, items: Sequence[Item], scores: Tensor, right: Tensor
    ) -> None:
        task, kept = self.parts[name].task, self.besides[name]
        for share, sums in task.kind.besides(task.labels, items, scores, right).items():
            if share not in kept:
                kept[share] = np.full((len(self.predictions[name]), 2), np.nan)
            kept[share][asked] = sums.numpy()

    def recall(self, predictions: Mapping[str, np.ndarray], marks: Mapping[str, Marks]) -> None:
        """Take every row's exact answers from another time; nothing is left to run."""
        for name in self.predictions:
            self.predictions[name] = predictions[name].copy()
            self.besides[name] = {each: x.copy() for each, x in marks[name].besides.items()}
        self._next = len(self._batches)

    def run(self, model: LiveModel) -> Iterator[float]:
        """Run what is left; yields the share done after every batch."""
        while not self.done:
            self.step(model)
            yield self.share

    def correct(self, task: str) -> np.ndarray:
        """``(q,)`` 1 right, 0 wrong, -1 not run, of every question."""
        found = self.predictions[task]
        return np.where(found == UNKNOWN, UNKNOWN, found == self.parts[task].answers)

    def marks(self, task: str) -> Marks:
        """What every question's answer is worth, as far as it was asked."""
        part = self.parts[task]
        if part.extents is not None:
            return part.marks(self.predictions[task])
        correct = self.correct(task)
        values = np.where(correct == UNKNOWN, np.nan, correct)
        return replace(part.marks(values), besides=self.besides[task])

    def scores(self) -> dict[str, Score]:
        """Scores on the rows run so far, for the tasks that have any; computed once per step."""
        at, scores = self._next, {}
        if self._scores[0] == at:
            return dict(self._scores[1])
        for name, part in self.parts.items():
            marks = self.marks(name)
            seen = marks.seen
            if seen.any():
                groups = None if part.groups is None else part.groups[seen]
                scores[name] = marks.at(seen).score(groups)
        self._scores = (at, scores)
        return dict(scores)


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


def _batches(parts: Mapping[str, Examples]) -> list[list[RowAt]]:
    """Rounds of equally many rows per task, each doubling what is done; the first is one batch.

    Within a round, rows of like length share a batch, and the batches come in a drawn order.
    """
    batches: list[list[RowAt]] = []
    draw = np.random.default_rng(0)
    start, stop = 0, max(_BATCH // max(len(parts), 1), 1)
    longest = max((len(part.items) for part in parts.values()), default=0)
    while start < longest:
        round_ = [(name, int(row)) for name, p in parts.items() for row in p.order[start:stop]]
        round_.sort(key=lambda item: parts[item[0]].length(item[1]))
        alike = [
            rows[first : first + _BATCH]
            for rows in by_kind(parts, round_)
            for first in range(0, len(rows), _BATCH)
        ]
        batches += [alike[place] for place in draw.permutation(len(alike))]
        start, stop = stop, 2 * stop
    return batches
