"""Evaluation, batch by batch: every batch makes the scores of all tasks a little more certain."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from studio.measure.examples import Examples, RowAt, batch_of, by_kind
from studio.measure.intervals import Score
from studio.measure.marks import Marks
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Item
from studio.tasks.kinds.contract import places_of
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import FULL_PRECISION

_BATCH = 32  # about 50 ms of a small encoder on two cores; a new move waits for one at most
UNKNOWN = -1  # a question that was not asked


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
