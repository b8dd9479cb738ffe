"""Labelled rows that a model is trained by: seeded batches, losses with gradients, mean losses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from studio.errors import BadData
from studio.measure.examples import Examples, RowAt, batch_of, by_kind, examples
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import places_of
from studio.tasks.kinds.losses import NEEDS_LABELS
from studio.tasks.live_model import LiveModel
from studio.tasks.task import Task


@dataclass(frozen=True)
class Supervision:
    """One task's labelled rows of a split.

    Attributes:
        part: all rows of the split.
        head: that reads what the model gives.
        rows: indices of those that are used, a fair sample in order.
    """

    part: Examples
    head: Head
    rows: np.ndarray


Supervised = Mapping[str, Supervision]
"""By task, in a fixed order, of which the seeded batches depend."""

Besides = Callable[[Sequence[RowAt], Batch, object], Tensor | None]


def supervision(live: LiveModel, task: Task, split: str, most: int) -> Supervision:
    """A task's rows of a split, at most so many: the first of their fixed shuffle.

    Raises:
        BadData: the task has no head, no rows of the split, or rows without a label.
    """
    if task.head is None:
        raise BadData(f"'{task.name}' has no head, so nothing can be trained by its labels.")
    part = examples(live, task, split)
    return Supervision(part, task.head, part.order[:most])


def drawn(supervised: Supervised, size: int, number: int, seed: int) -> list[RowAt]:
    """The rows of a step: of every task so many, shuffled anew whenever all of them were used.

    Args:
        supervised: by task.
        size: rows per task.
        number: of the step, from 1.
        seed: of the shuffles; a task's depend on its place among the tasks, too.
    """
    found: list[RowAt] = []
    for place, (name, each) in enumerate(supervised.items()):
        count = len(each.rows)
        used = np.arange((number - 1) * size, number * size)
        rounds = {
            int(epoch): np.random.default_rng([seed, place, int(epoch)]).permutation(count)
            for epoch in np.unique(used // count)
        }
        found += [(name, int(each.rows[rounds[int(k // count)][k % count]])) for k in used]
    return found


def passes(
    supervised: Supervised, rows: Sequence[RowAt], at_once: int
) -> Iterator[Sequence[RowAt]]:
    """Rows in groups that go through a model together, those of like length beside each other."""
    parts = {name: each.part for name, each in supervised.items()}
    ordered = sorted(rows, key=lambda row: parts[row[0]].length(row[1]))
    for alike in by_kind(parts, ordered):
        for start in range(0, len(alike), at_once):
            yield alike[start : start + at_once]


def asked(live: LiveModel, supervised: Supervised, rows: Sequence[RowAt]) -> tuple[Batch, object]:
    """A batch of rows and the model's output for it, with gradients where they are recorded."""
    batch = batch_of(live, {name: each.part for name, each in supervised.items()}, rows)
    return batch, live.encoder(**live.placed(batch.inputs))


def row_losses(
    supervised: Supervised, rows: Sequence[RowAt], batch: Batch, output: object
) -> dict[str, Tensor]:
    """By task ``(rows,)`` float64: what each of its rows of a batch adds to the loss, in nats."""
    found = {}
    for name, places in places_of(rows).items():
        own = supervised[name]
        index = np.array([rows[place][1] for place in places.tolist()])
        kind = own.part.task.kind
        right = torch.from_numpy(own.part.answers[own.part.questions(index)])
        about = own.part.task.spec, own.head, output, batch, places
        if own.part.extents is None:
            losses = kind.losses(NEEDS_LABELS, kind.scores(*about), right)
        else:
            losses = kind.nats(*about, right).double()
        found[name] = own.part.row_sums(losses, index)
    return found


def shares(supervised: Supervised, rows: Sequence[RowAt]) -> dict[str, float]:
    """By task what the sum of its rows' losses is divided by for their mean."""
    found = {}
    for name in dict.fromkeys(name for name, _ in rows):
        index = np.array([row for task, row in rows if task == name])
        found[name] = supervised[name].part.shares(index)
    return found


def descend(
    live: LiveModel, supervised: Supervised, rows: Sequence[RowAt], weights: Mapping[str, float],
    at_once: int, besides: Besides | None = None,
) -> float:  # fmt: skip
    """Add the gradient of a step's loss to the parameters that collect one.

    Args:
        live: the model, as it shall answer.
        supervised: by task.
        rows: of the step.
        weights: by task, of the mean loss of its rows in the step's.
        at_once: rows that the model runs at once.
        besides: told each batch with the model's output, what else the loss has; or None.

    Returns:
        The loss, in nats.
    """
    whole, total = shares(supervised, rows), 0.0
    with torch.enable_grad():
        for each in passes(supervised, rows, at_once):
            batch, output = asked(live, supervised, each)
            found = row_losses(supervised, each, batch, output)
            parts = [x.sum() * (weights[name] / whole[name]) for name, x in found.items()]
            if besides and (more := besides(each, batch, output)) is not None:
                parts.append(more)
            loss = torch.stack(parts).sum()
            loss.backward()
            total += float(loss.detach())
    return total


def mean_losses(live: LiveModel, supervised: Supervised, at_once: int) -> dict[str, float]:
    """By task the mean loss of its rows, of whatever the model wears, in nats."""
    every = [(name, int(row)) for name, each in supervised.items() for row in each.rows]
    sums, whole = dict.fromkeys(supervised, 0.0), shares(supervised, every)
    with torch.no_grad():
        for each in passes(supervised, every, at_once):
            found = row_losses(supervised, each, *asked(live, supervised, each))
            for name, losses in found.items():
                sums[name] += float(losses.sum())
    return {name: sums[name] / whole[name] for name in supervised}


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """The parameters that a model has so far collect no gradients while the block lasts."""
    before = [(each, each.requires_grad) for each in model.parameters()]
    try:
        for each, _ in before:
            each.requires_grad_(False)
        yield
    finally:
        for each, needed in before:
            each.requires_grad_(needed)
