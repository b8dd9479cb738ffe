"""Evaluation, batch by batch: every batch makes the scores of all tasks a little more certain."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from studio.errors import BadData
from studio.measure.scores import Score, score
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel
from studio.tasks.pace import FULL_PRECISION
from studio.tasks.rows import UNLABELLED
from studio.tasks.task import Task
from studio.tasks.text import batch, encode, logits

_BATCH = 32  # about 50 ms of a small encoder on two cores; a new move waits for one at most
UNKNOWN = -1  # a row that was not run


@dataclass(frozen=True)
class Examples:
    """The rows of one task and split, ready to run.

    Attributes:
        task: whose rows they are.
        tokens: ids per row.
        labels: ``(n,)`` right answers; ``UNLABELLED`` where there is none.
        groups: ``(n,)`` group per row, or None.
        order: ``(n,)`` a fixed shuffle: any beginning of it is a fair sample.
    """

    task: Task
    tokens: list[list[int]]
    labels: np.ndarray
    groups: np.ndarray | None
    order: np.ndarray


def examples(model: LiveModel, task: Task, split: str, labelled: bool = True) -> Examples:
    """Read and tokenize a split.

    Args:
        model: whose tokenizer reads it.
        task: whose rows.
        split: which of them.
        labelled: whether every row must have a label.

    Raises:
        BadData: the zoo names no file for the split, or it cannot be used.
    """
    rows = task.rows(split)
    if not rows or task.head is None:
        raise BadData(f"'{task.name}' has no {split} rows, so it cannot be scored on them.")
    bare = sum(row.label == UNLABELLED for row in rows)
    if bare and labelled:
        raise BadData(
            f"'{task.name}': {bare:,} of its {len(rows):,} {split} rows have no label, which is "
            "needed here. Label them; searches for coefficients by 'entropy' or 'expert' need none."
        )
    longest = model.longest_text
    if longest is not None and task.spec.max_length > longest:
        raise BadData(
            f"'{task.name}' has max_length {task.spec.max_length}, but the model reads at most "
            f"{longest} tokens. Lower max_length in the zoo file."
        )
    tokens = encode(model, [row.text for row in rows], task.spec.max_length)
    grouped = rows[0].group is not None
    return Examples(
        task,
        tokens,
        np.array([row.label for row in rows]),
        np.array([row.group for row in rows]) if grouped else None,
        fair_order(len(rows)),
    )


def sampled(part: Examples, rows: int | None) -> Examples:
    """At most so many rows of a task: the beginning of its fixed shuffle; None for all."""
    if rows is None or rows >= len(part.tokens):
        return part
    chosen = part.order[:rows]
    groups = None if part.groups is None else part.groups[chosen]
    tokens = [part.tokens[row] for row in chosen]
    return Examples(part.task, tokens, part.labels[chosen], groups, np.arange(rows))


def fair_order(count: int) -> np.ndarray:
    """A fixed shuffle of so many rows: any beginning of it is a fair sample."""
    return np.random.default_rng(0).permutation(count)


class Evaluation:
    """Predictions of one model for some tasks, growing from a fair sample to every row.

    Where less precision is faster, a quick pass sees every row first, and an exact pass then
    replaces its predictions.

    Args:
        parts: the rows, task by task.
        heads: one per task.
        padding: id of the padding token.
        quick: precision of the first pass; float32 for one exact pass.

    Attributes:
        seconds: that the exact pass took so far.
    """

    def __init__(
        self,
        parts: Sequence[Examples],
        heads: Mapping[str, Head],
        padding: int | None = None,
        quick: torch.dtype = FULL_PRECISION,
    ) -> None:
        self.parts = {part.task.name: part for part in parts}
        self.heads = heads
        self._padding = padding or 0
        self.predictions = {
            name: np.full(len(part.tokens), UNKNOWN) for name, part in self.parts.items()
        }
        rounds = _batches(parts)
        self._seen = len(rounds)  # batches until every row was run once
        passes = (FULL_PRECISION,) if quick is FULL_PRECISION else (quick, FULL_PRECISION)
        self._batches = [(dtype, rows) for dtype in passes for rows in rounds]
        self._next = 0
        self.seconds = 0.0
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

    def step(self, model: LiveModel) -> None:
        """Run the next batch; rows of several tasks share it, since they share the encoder."""
        started = time.perf_counter()
        dtype, rows = self._batches[self._next]
        inputs = batch([self.parts[task].tokens[row] for task, row in rows], self._padding)
        output = model.states(inputs, dtype)
        with torch.inference_mode():
            for task in dict.fromkeys(name for name, _ in rows):
                places = [place for place, (name, _) in enumerate(rows) if name == task]
                head, pooling = self.heads[task], self.parts[task].task.spec.pooling
                index = torch.tensor(places)
                found = logits(output, inputs["attention_mask"], pooling, head, index, task)
                chosen = [rows[place][1] for place in places]
                self.predictions[task][chosen] = found.argmax(-1).numpy()
        self._next += 1
        if dtype is FULL_PRECISION:
            self.seconds += time.perf_counter() - started

    def recall(self, predictions: Mapping[str, np.ndarray]) -> None:
        """Take every row's exact prediction from another time; nothing is left to run."""
        for name in self.predictions:
            self.predictions[name] = predictions[name].copy()
        self._next = len(self._batches)

    def run(self, model: LiveModel) -> Iterator[float]:
        """Run what is left; yields the share done after every batch."""
        while not self.done:
            self.step(model)
            yield self.share

    def correct(self, task: str) -> np.ndarray:
        """``(n,)`` 1 right, 0 wrong, -1 not run."""
        found = self.predictions[task]
        return np.where(found == UNKNOWN, UNKNOWN, found == self.parts[task].labels)

    def scores(self) -> dict[str, Score]:
        """Scores on the rows run so far, for the tasks that have any; computed once per step."""
        at, scores = self._next, {}
        if self._scores[0] == at:
            return dict(self._scores[1])
        for name, part in self.parts.items():
            correct = self.correct(name)
            seen = correct != UNKNOWN
            if seen.any():
                groups = None if part.groups is None else part.groups[seen]
                scores[name] = score(correct[seen], groups)
        self._scores = (at, scores)
        return dict(scores)


def _batches(parts: Sequence[Examples]) -> list[list[tuple[str, int]]]:
    """Rounds of equally many rows per task, each doubling what is done; the first is one batch.

    Within a round, rows of like length share a batch, and the batches come in a drawn order.
    """
    batches: list[list[tuple[str, int]]] = []
    draw = np.random.default_rng(0)
    start, stop = 0, max(_BATCH // max(len(parts), 1), 1)
    longest = max((len(part.tokens) for part in parts), default=0)
    while start < longest:
        round_ = [(p, int(row)) for p in parts for row in p.order[start:stop]]
        round_.sort(key=lambda item: len(item[0].tokens[item[1]]))
        alike = [round_[first : first + _BATCH] for first in range(0, len(round_), _BATCH)]
        for place in draw.permutation(len(alike)):
            batches.append([(p.task.name, row) for p, row in alike[place]])
        start, stop = stop, 2 * stop
    return batches
