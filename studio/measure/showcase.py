"""Rows to look at: what two models predict for a few held-out rows, and for a text of one's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from studio.measure.evaluate import Evaluation
from studio.measure.examples import RowAt
from studio.measure.marks import Marks
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import OPTIONS
from studio.tasks.task import Task

MOST_ROWS = 12
_MOST_OPTIONS = 5


@dataclass(frozen=True)
class ShownRow:
    """One held-out row; a label is empty where a model has not seen the row.

    Attributes:
        task: that it belongs to.
        noun: what the row shows, in one word.
        shown: what a person sees of it.
        label: the right answer; empty for a loss, which has none.
        before: what was predicted before, or the loss of the row.
        now: what is predicted, or the loss of the row.
        place: of the row among its task's.
        picture: a small WebP of it; None where words show it.
        change: of a loss, from before to now; None of a prediction, or before both are known.
    """

    task: str
    noun: str
    shown: str
    label: str
    before: str
    now: str
    place: int = 0
    picture: bytes | None = None
    change: float | None = None

    @property
    def at(self) -> RowAt:
        """Which row it is."""
        return self.task, self.place

    @property
    def changed(self) -> bool:
        """Whether both models have seen the row and disagree."""
        return bool(self.before and self.now and self.before != self.now)


@dataclass(frozen=True)
class Reading:
    """What a head makes of a text.

    Attributes:
        label: the likeliest.
        probability: that the head's softmax gives it, 0 to 1, or the least sure of several; heads
            are not calibrated.
    """

    label: str
    probability: float


Likeliest = tuple[Reading, ...]
"""The likeliest options of a row, the first one first."""


def shown_rows(
    now: Evaluation, before: Evaluation | None, only_changed: bool
) -> tuple[list[ShownRow], int]:
    """A dozen rows, in turn from every task, always the same ones unless only changes are shown.

    Of losses, all of which change a little, they are those that have changed most.

    Returns:
        The rows, and the number of rows whose prediction has changed.
    """
    changed = {name: _changed(now, before, name) for name in now.parts}
    queues = []
    for name, part in now.parts.items():
        order = part.order[changed[name][part.order]] if only_changed else part.order
        if before and part.extents is not None and changed[name].any():
            sizes = _loss_moves(now, before, name)[order]
            order = order[np.argsort(-sizes, kind="stable")]
        queues.append([(name, int(index)) for index in order[:MOST_ROWS]])
    depth = max(map(len, queues), default=0)
    chosen = [queue[i] for i in range(depth) for queue in queues if i < len(queue)][:MOST_ROWS]
    chosen.sort(key=lambda row: list(now.parts).index(row[0]))
    rows = [_row(now, before, name, index) for name, index in chosen]
    return rows, int(sum(each.sum() for each in changed.values()))


def reads_typed(task: Task) -> bool:
    """Whether a text that somebody types is a row of the task, with options to choose between."""
    chooses = task.metric in OPTIONS and bool(task.labels)
    return chooses and task.kind.own_row("a text") is not None


def readings_of(
    model: LiveModel, tasks: Mapping[str, Task], heads: Mapping[str, Head | None], text: str
) -> dict[str, Reading]:
    """A text through every head that reads typed ones, by whatever the model wears.

    A task without labels has options by rows, or none, and so none for a text of one's own.
    """
    found = {}
    for name, head in heads.items():
        task = tasks[name]
        row = task.kind.own_row(text)
        if head is None or row is None or not reads_typed(task):
            continue
        batch = model.batch(task.kind, model.encode(task, [row]))
        output = model.states(batch.inputs)
        with torch.no_grad():
            scores = task.kind.scores(task.spec, head, output, batch, torch.tensor([0]))
        best = scores.argmax(-1).tolist()
        sure = float(scores.softmax(-1).amax(-1).min())
        found[name] = Reading(task.kind.says(task.labels, row, best), sure)
    return found


def likeliest(
    model: LiveModel, tasks: Mapping[str, Task], rows: Sequence[RowAt]
) -> dict[RowAt, Likeliest]:
    """The five likeliest options of some held-out rows that ask one question each.

    Args:
        model: that wears what is asked.
        tasks: by name, each with a head.
        rows: of any of these.
    """
    found: dict[RowAt, Likeliest] = {}
    for name in dict.fromkeys(task for task, _ in rows):
        task, asked = tasks[name], [row for row in rows if row[0] == name]
        assert task.head is not None
        own = [task.rows("held_out")[place] for _, place in asked]
        batch = model.batch(task.kind, model.encode(task, own))
        output = model.states(batch.inputs)
        places = torch.arange(len(own))
        with torch.inference_mode():
            scores = task.kind.scores(task.spec, task.head, output, batch, places)
        shares, options = scores.softmax(-1).topk(min(_MOST_OPTIONS, scores.shape[-1]))
        for row, each, some in zip(asked, shares.tolist(), options.tolist(), strict=True):
            found[row] = tuple(map(Reading, (task.labels[option] for option in some), each))
    return found


def _changed(now: Evaluation, before: Evaluation | None, name: str) -> np.ndarray:
    """``(n,)`` rows that both have seen, and answered differently."""
    new, starts = now.predictions[name], now.parts[name].starts
    if before is None or name not in before.predictions:
        return np.zeros(len(starts) - 1, bool)
    old = before.predictions[name]
    both = now.marks(name).seen & before.marks(name).seen
    return np.logical_or.reduceat(both & (new != old), starts[:-1])


def _loss_moves(now: Evaluation, before: Evaluation, name: str) -> np.ndarray:
    """``(n,)`` by how much each row's loss per token has moved, 0 where one is not known."""
    part = now.parts[name]
    assert part.extents is not None
    moved = np.nan_to_num(now.predictions[name] - before.predictions[name])
    sums, units = (np.add.reduceat(x, part.starts[:-1]) for x in (moved, part.extents[:, 0]))
    return np.abs(sums) / np.maximum(units, 1)


def _row(now: Evaluation, before: Evaluation | None, name: str, index: int) -> ShownRow:
    part = now.parts[name]
    task, row = part.task, part.task.rows("held_out")[index]
    asked = part.questions([index])

    def seen(by: Evaluation | None) -> Marks | None:
        if by is None or name not in by.predictions:
            return None
        marks = by.marks(name).at(asked)
        return marks if marks.seen.all() else None

    def said(by: Evaluation | None) -> str:
        marks = seen(by)
        if by is None or marks is None:
            return ""
        if task.metric not in OPTIONS:
            return task.metric.shown(marks.score(None).value)
        return task.kind.says(task.labels, row, by.predictions[name][asked].tolist())

    change, both = None, (seen(before), seen(now))
    if task.metric not in OPTIONS and both[0] and both[1]:
        change = both[1].score(None).value - both[0].score(None).value
    return ShownRow(
        name, task.kind.noun, task.kind.shown(row), task.kind.says(task.labels, row, row.answers),
        said(before), said(now), index, task.kind.thumbnail(row), change,
    )  # fmt: skip
