"""Training-time baselines: what each adds to training on the newest task, and what it keeps."""

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from studio.errors import BadData
from studio.measure.examples import RowAt
from studio.measure.supervision import asked, descend, drawn, passes
from studio.sequence.trained.course import Course
from studio.sequence.trained.formulas import agem_projection, distillation, ewc_penalty
from studio.tasks.kinds.answers import Batch
from studio.tasks.metric import OPTIONS


class Baseline:
    """Plain sequential fine-tuning, and what another baseline may add to it.

    Args:
        course: of the tasks that arrive.
    """

    name: ClassVar[str] = "sequential"
    title: ClassVar[str] = "sequential fine-tuning"
    carried: ClassVar[str] = "the model"

    def __init__(self, course: Course) -> None:
        self.course = course

    def begins(self, task: str) -> None:
        """A task has arrived; nothing was trained on it yet."""

    def more(self, number: int) -> list[RowAt]:
        """Rows of earlier tasks that a step also has."""
        return []

    def besides(self, rows: Sequence[RowAt], batch: Batch, output: object) -> Tensor | None:
        """What the loss of a batch also has."""
        return None

    def turns(self, number: int) -> None:
        """Change the gradient of a step."""

    def ends(self, task: str) -> None:
        """The training on a task is over."""

    @property
    def kept(self) -> int:
        """Bytes that are kept for the next arrival, beside the model."""
        return 0


class Consolidation(Baseline):
    """EWC: a quadratic penalty per earlier task, by its diagonal empirical Fisher information."""

    name = "ewc"
    title = "EWC"
    carried = "the model, and per task its parameters and their Fisher information"

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self._held: list[tuple[list[Tensor], list[Tensor]]] = []

    def turns(self, number: int) -> None:
        """See ``Baseline``."""
        values = self.course.learner.values
        with torch.enable_grad():
            for anchors, fisher in self._held:
                ewc_penalty(values, anchors, fisher, self.course.plan.ewc).backward()

    def ends(self, task: str) -> None:
        """Take the task's information, row by row, of the rows' own labels."""
        values, rows = self.course.learner.values, self.course.rows[task].rows
        chosen = rows[: self.course.plan.fisher]
        fisher = [torch.zeros_like(each) for each in values]
        for row in chosen.tolist():
            gradient = gradient_of(self.course, [(task, row)])
            for total, own in zip(fisher, split_like(gradient, values), strict=True):
                total += own.square() / len(chosen)
        self._held.append(([each.detach().clone() for each in values], fisher))

    @property
    def kept(self) -> int:
        """See ``Baseline``."""
        return sum(x.nbytes for pair in self._held for each in pair for x in each)


class Distillation(Baseline):
    """LwF: on the newcomer's rows, earlier tasks' heads shall answer as they did before."""

    name = "lwf"
    title = "LwF"
    carried = "the model"

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        _refuse_undistilled(course)
        self._before: dict[str, dict[int, Tensor]] = {}

    def begins(self, task: str) -> None:
        """Let the earlier tasks' heads answer the newcomer's rows, before anything is trained."""
        course, supervised = self.course, self.course.rows
        self._before = {old: {} for old in course.arrived}
        own, plan = {task: supervised[task]}, course.plan
        steps = (drawn(own, plan.batch, at, plan.seed) for at in range(1, plan.steps + 1))
        rows = sorted({*chain(*steps)})
        with torch.no_grad():
            for each in passes(supervised, rows, plan.at_once) if course.arrived else ():
                batch, output = asked(course.learner.live, supervised, each)
                for old, answers in self._before.items():
                    found = self._scores(old, batch, output)
                    answers |= {row: x for (_, row), x in zip(each, found, strict=True)}

    def besides(self, rows: Sequence[RowAt], batch: Batch, output: object) -> Tensor | None:
        """See ``Baseline``."""
        if not self._before:
            return None
        plan, terms = self.course.plan, []
        for old, answers in self._before.items():
            told = torch.stack([answers[row] for _, row in rows])
            terms.append(distillation(self._scores(old, batch, output), told, plan.temperature))
        return plan.distilled * torch.stack(terms).mean(0).sum() / plan.batch

    def _scores(self, old: str, batch: Batch, output: object) -> Tensor:
        own = self.course.rows[old]
        kind, places = own.part.task.kind, torch.arange(len(batch.items))
        return kind.scores(own.part.task.spec, own.head, output, batch, places)


class Replay(Baseline):
    """Experience replay: as many rows of earlier tasks as of the newcomer in every step.

    Source: Chaudhry et al. 2019 (arXiv 1902.10486).
    """

    name = "replay"
    title = "replay"
    carried = "the model, and rows of every task"

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self._memory: list[RowAt] = []

    def more(self, number: int) -> list[RowAt]:
        """See ``Baseline``."""
        return self.recalled(number) if self._memory else []

    def recalled(self, number: int) -> list[RowAt]:
        """Rows drawn from the memory, for a step."""
        plan = self.course.plan
        draw = np.random.default_rng([plan.seed, 1, len(self.course.arrived), number])
        size = min(plan.batch, len(self._memory))
        return [self._memory[at] for at in draw.choice(len(self._memory), size, replace=False)]

    def ends(self, task: str) -> None:
        """Keep the first rows of the task's fixed shuffle."""
        rows = self.course.rows[task].rows[: self.course.plan.memory]
        self._memory += [(task, row) for row in rows.tolist()]

    @property
    def kept(self) -> int:
        """Bytes of the rows as JSON."""
        size = 0
        for name, at in self._memory:
            task = self.course.rows[name].part.task
            row = task.rows(self.course.split)[at]
            size += len(json.dumps([task.kind.plain(row), row.answers]).encode())
        return size


class Projection(Replay):
    """A-GEM: a step's gradient is turned where it is against that of rows of earlier tasks."""

    name = "agem"
    title = "A-GEM"

    def more(self, number: int) -> list[RowAt]:
        """None: the memory is asked for a gradient of its own."""
        return []

    def turns(self, number: int) -> None:
        """See ``Baseline``."""
        if not self._memory:
            return
        values = self.course.learner.values
        own = torch.cat([_gradient(each).flatten() for each in values])
        turned = agem_projection(own, gradient_of(self.course, self.recalled(number)))
        for each, part in zip(values, split_like(turned, values), strict=True):
            each.grad = part.clone()


BASELINES: Mapping[str, type[Baseline]] = {
    each.name: each for each in (Baseline, Consolidation, Distillation, Projection, Replay)
}
"""Those that tasks arrive at one after another, by name."""


def row_weights(rows: Sequence[RowAt]) -> dict[str, float]:
    """By task, its share of the rows: the mean loss over all of them, whoever they are of."""
    names = [name for name, _ in rows]
    return {name: names.count(name) / len(names) for name in dict.fromkeys(names)}


def gradient_of(course: Course, rows: Sequence[RowAt]) -> Tensor:
    """``(p,)`` gradient of the mean loss of some rows by what is trained; none is left behind."""
    values = course.learner.values
    for each in values:
        each.grad = None
    descend(course.learner.live, course.rows, rows, row_weights(rows), course.plan.at_once)
    found = torch.cat([_gradient(each).flatten() for each in values])
    for each in values:
        each.grad = None
    return found


def split_like(flat: Tensor, values: Sequence[Tensor]) -> list[Tensor]:
    """A flat vector in the shapes of some tensors."""
    parts = flat.split([each.numel() for each in values])
    return [part.view(each.shape) for part, each in zip(parts, values, strict=True)]


def _gradient(value: Tensor) -> Tensor:
    return torch.zeros_like(value) if value.grad is None else value.grad


def _refuse_undistilled(course: Course) -> None:
    """Refuse tasks whose heads cannot answer each other's rows.

    Raises:
        BadData: naming one.
    """
    asked_by = {}
    for name, each in course.rows.items():
        task = each.part.task
        asked_by[task.kind.name, task.kind.together(task.spec)] = name
        if (
            task.metric not in OPTIONS
            or not task.labels
            or len(each.part.answers) > len(each.part.items)
        ):
            raise BadData(
                f"LwF asks every earlier task's head about the newcomer's rows; '{name}' "
                f"({task.kind.name}) has no head that gives one answer of fixed labels per row. "
                "Leave LwF out, or leave the task out."
            )
    if len(asked_by) > 1:
        one, other, *_ = asked_by.values()
        raise BadData(
            f"LwF asks every earlier task's head about the newcomer's rows, but '{one}' and "
            f"'{other}' are asked in different ways. Leave LwF out, or leave one of them out."
        )
