"""Rows to look at: what two models predict for a few held-out rows, and for a text of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from studio.measure.evaluate import UNKNOWN, Evaluation
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel
from studio.tasks.task import Task
from studio.tasks.text import batch, encode, logits

MOST_ROWS = 12


@dataclass(frozen=True)
class ShownRow:
    """One held-out row; a label is empty where a model has not seen the row.

    Attributes:
        task: that it belongs to.
        text: as the file has it.
        label: the right answer.
        before: what was predicted before.
        now: what is predicted.
    """

    task: str
    text: str
    label: str
    before: str
    now: str

    @property
    def changed(self) -> bool:
        """Whether both models have seen the row and disagree."""
        return bool(self.before and self.now and self.before != self.now)


@dataclass(frozen=True)
class Reading:
    """What a head makes of a text.

    Attributes:
        label: the likeliest.
        probability: that the head's softmax gives it, 0 to 1; heads are not calibrated.
    """

    label: str
    probability: float


def shown_rows(
    now: Evaluation, before: Evaluation | None, only_changed: bool
) -> tuple[list[ShownRow], int]:
    """A dozen rows, in turn from every task, always the same ones unless only changes are shown.

    Returns:
        The rows, and the number of rows whose prediction has changed.
    """
    changed = {name: _changed(now, before, name) for name in now.parts}
    queues = []
    for name, part in now.parts.items():
        order = part.order[changed[name][part.order]] if only_changed else part.order
        queues.append([(name, int(index)) for index in order[:MOST_ROWS]])
    depth = max(map(len, queues), default=0)
    chosen = [queue[i] for i in range(depth) for queue in queues if i < len(queue)][:MOST_ROWS]
    chosen.sort(key=lambda row: list(now.parts).index(row[0]))
    rows = [_row(now, before, name, index) for name, index in chosen]
    return rows, int(sum(each.sum() for each in changed.values()))


def readings_of(
    model: LiveModel, tasks: Mapping[str, Task], heads: Mapping[str, Head | None], text: str
) -> dict[str, Reading]:
    """A text through every head, by whatever the model wears."""
    found = {}
    for name, head in heads.items():
        spec = tasks[name].spec
        if head is None:
            continue
        rows = batch(encode(model, [text], spec.max_length), model.tokenizer.pad_token_id or 0)
        output, mask = model.states(rows), rows["attention_mask"]
        scores = logits(output, mask, spec.pooling, head, torch.tensor([0]), name)[0]
        best = int(scores.argmax())
        found[name] = Reading(tasks[name].labels[best], float(scores.softmax(0)[best]))
    return found


def _changed(now: Evaluation, before: Evaluation | None, name: str) -> np.ndarray:
    new = now.predictions[name]
    if before is None or name not in before.predictions:
        return np.zeros(len(new), bool)
    old = before.predictions[name]
    return (new != UNKNOWN) & (old != UNKNOWN) & (new != old)


def _row(now: Evaluation, before: Evaluation | None, name: str, index: int) -> ShownRow:
    part = now.parts[name]
    labels, row = part.task.labels, part.task.rows("held_out")[index]

    def predicted(by: Evaluation | None) -> str:
        found = UNKNOWN if by is None or name not in by.predictions else by.predictions[name][index]
        return "" if found == UNKNOWN else labels[found]

    return ShownRow(name, row.text, labels[row.label], predicted(before), predicted(now))
