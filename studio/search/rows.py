"""The validation rows of a search: some to fit on, some that decide when to stop."""

from dataclasses import dataclass

import numpy as np

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.evaluate import Examples, examples
from studio.tasks.heads import Head
from studio.tasks.kinds.losses import NEEDS_LABELS
from studio.tasks.metric import ACCURACY
from studio.tasks.task import Task

SPLIT = "validation"
CHECKED = 0.25  # share of the rows that decides when to stop
_OVER = 0.25  # of that share, by which whole groups may exceed it
_LEAST = 4


@dataclass(frozen=True)
class SearchRows:
    """One task's rows.

    Attributes:
        part: all its validation rows.
        head: that reads them.
        fit: indices of the rows that losses and gradients are taken of, a fair sample in order.
        check: indices of the rows that decide what is kept.
    """

    part: Examples
    head: Head
    fit: np.ndarray
    check: np.ndarray

    @property
    def labelled(self) -> bool:
        """Whether every row has a label."""
        return bool((self.part.answers >= 0).all())

    @property
    def has_accuracy(self) -> bool:
        """Whether every row says which of its options is right."""
        return self.labelled and self.part.task.metric is ACCURACY


def chosen_rows(bench: Bench, task: str, most: int, needs_labels: bool) -> SearchRows:
    """A task's rows for a search.

    Rows of a group stay together, so that none is fitted on that its like decides about.

    Args:
        bench: the zoo, opened.
        task: its name.
        most: rows to take, the first of their fixed shuffle.
        needs_labels: whether the loss is taken of labels.

    Raises:
        BadData: the task has no head, no rows or too few, no labels, or one class only.
    """
    head = _refused(bench.tasks[task])
    part = examples(bench.live, bench.tasks[task], SPLIT, labelled=needs_labels)
    chosen = part.order[:most]
    if needs_labels:
        _refuse_one_class(bench.tasks[task], part.answers[part.questions(chosen)])
    count = max(round(CHECKED * len(chosen)), 1)
    if bench.tasks[task].rows(SPLIT)[0].group is None or part.groups is None:
        return SearchRows(part, head, chosen[:-count], chosen[-count:])
    groups = part.groups[part.starts[chosen]]
    kept = _groups(groups, count)
    inside = np.isin(groups, list(kept))
    if inside.all():
        raise BadData(
            f"'{task}': its {len(chosen)} {SPLIT} rows are all of one group, '{next(iter(kept))}'; "
            "a search fits on some groups and stops by others. Add rows of another group."
        )
    return SearchRows(part, head, chosen[~inside], chosen[inside])


def refuse_no_options(task: Task, loss: str) -> None:
    """Refuse a loss that is taken of options, of a task that has none.

    Raises:
        BadData: naming the task and the loss that would do.
    """
    if loss != NEEDS_LABELS and task.metric is not ACCURACY:
        raise BadData(
            f"'{task.name}' is scored by its {task.metric.name} in {task.metric.unit} and has no "
            f"options to choose from, so the loss '{loss}' cannot be taken of it. Search by "
            f"'{NEEDS_LABELS}', which is that loss itself, or leave the task out."
        )


def _groups(groups: np.ndarray, count: int) -> list[str]:
    """Whole groups of about so many rows together: the last to appear first, if they still fit."""
    sizes = {group: int((groups == group).sum()) for group in dict.fromkeys(groups[::-1].tolist())}
    kept, total = [], 0
    for group, size in sizes.items():
        if total < count and total + size <= (1 + _OVER) * count:
            kept.append(group)
            total += size
    return kept or [min(sizes, key=lambda group: sizes[group])]


def _refused(task: Task) -> Head:
    rows = task.rows(SPLIT)
    if task.head is None or len(rows) < _LEAST:
        lacking = f"{len(rows)} {SPLIT} rows" if task.head is not None else "no head"
        raise BadData(
            f"Coefficients are found on {SPLIT} rows, at least {_LEAST} of every merged task, but "
            f"'{task.name}' has {lacking}. Add them to the zoo file, or leave the task out."
        )
    return task.head


def _refuse_one_class(task: Task, answers: np.ndarray) -> None:
    found = np.unique(answers)
    if task.labels and len(found) == 1:  # where every row has options of its own, none is a class
        raise BadData(
            f"'{task.name}': all {len(answers)} {SPLIT} rows have the label "
            f"'{task.labels[found[0]]}', so a model that always says so has no loss. Add rows of "
            "other labels, or use the loss 'expert', which needs none."
        )
