"""The validation rows of a search: to fit on, to decide when to stop, to judge what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.errors import BadData, Remedy
from studio.measure.bench import Bench
from studio.measure.evaluate import Examples, examples, questions_of, starts_of
from studio.methods import method
from studio.recipe import RECALIBRATE, Recipe
from studio.tasks.heads import Head
from studio.tasks.kinds.losses import NEEDS_LABELS
from studio.tasks.metric import OPTIONS
from studio.tasks.row_parts import CHOOSING, FITTED, VALIDATION, fair_order
from studio.tasks.task import Task

CHECKED = 0.25  # share of the rows that decides when to stop
_OVER = 0.25  # of that share, by which whole groups may exceed it
_LEAST = 4
_FRESH = 30  # rows of every task, from which on those that a search leaves alone can judge it


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
        return self.labelled and self.part.task.metric in OPTIONS


def searched_split(recipe: Recipe, ewc: float = 0.0) -> str:
    """Of which rows numbers of a recipe are fitted and decided: never of measured ones.

    All validation rows, or ``CHOOSING`` of a method that measures experts on validation rows, of
    running statistics that are measured anew, of a mix that is calibrated or whose heads are
    refitted, and beside the Fisher information of EWC. What was measured on a row looks better on
    it than elsewhere.
    """
    measures = method(recipe.method, recipe.options).measures
    if measures or ewc or recipe.fits_experts or recipe.batch_norm == RECALIBRATE:
        return CHOOSING
    return VALIDATION


def chosen_rows(
    bench: Bench, task: str, most: int, needs_labels: bool, split: str = VALIDATION
) -> SearchRows:
    """A task's rows for a search.

    Rows of a group stay together, so that none is fitted on that its like decides about; but not
    where ``FITTED`` rows are all of one, since others decide in the end.

    Args:
        bench: the zoo, opened.
        task: its name.
        most: rows to take, the first of their fixed shuffle.
        needs_labels: whether the loss is taken of labels.
        split: see ``searched_split``.

    Raises:
        BadData: the task has no head, no rows or too few, no labels, or one class only.
    """
    head = searched_head(bench.tasks[task], split)
    part = examples(bench.live, bench.tasks[task], split, labelled=needs_labels)
    chosen = part.order[:most]
    if needs_labels:
        _refuse_one_class(bench.tasks[task], part.answers[part.questions(chosen)])
    return SearchRows(part, head, *_parted(bench.tasks[task], most, split)[:2])


def judging_rows(
    tasks: Sequence[Task], most: int, split: str = VALIDATION
) -> tuple[dict[str, np.ndarray], bool]:
    """Questions by which what a search of these tasks has found is compared with its start.

    Where every task has enough rows that the search leaves alone (no row of their groups takes
    part in it), it is these. Else they are joined by those that decide, which are not fitted on.

    Args:
        tasks: whose validation rows are searched on.
        most: as of ``chosen_rows``.
        split: likewise.

    Returns:
        Indices of questions by task, and whether the search sees none of them.
    """
    parted = {task.name: _parted(task, most, split) for task in tasks}
    fresh = all(len(rest) >= _FRESH for _, _, rest in parted.values())
    found = {}
    for task in tasks:
        _, check, rest = parted[task.name]
        rows = rest if fresh else np.concatenate([check, rest])
        found[task.name] = np.sort(questions_of(starts_of(task.rows(split)), rows))
    return found, fresh


def _parted(task: Task, most: int, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the rows that are fitted on, that decide, and that a search leaves alone."""
    rows = task.rows(split)
    order = fair_order(len(rows))
    chosen, rest = order[:most], order[most:]
    count = max(round(CHECKED * len(chosen)), 1)
    if rows[0].group is None:
        return chosen[:-count], chosen[-count:], rest
    groups = np.array([row.group for row in rows])
    if split == FITTED and len(set(groups[chosen])) == 1:
        return chosen[:-count], chosen[-count:], rest
    kept = _groups(groups[chosen], count)
    inside = np.isin(groups[chosen], list(kept))
    if inside.all():
        raise BadData(
            f"'{task.name}': its {len(chosen)} {split} rows are all of one group, "
            f"'{next(iter(kept))}'; a search fits on some groups and stops by others. Add rows of "
            "another group."
        )
    left = ~np.isin(groups[rest], groups[chosen])
    return chosen[~inside], chosen[inside], rest[left]


def searched_head(task: Task, split: str = VALIDATION) -> Head:
    """The head that a task's rows are scored with in a search.

    Raises:
        BadData: it has no head, no rows or too few.
    """
    rows = task.rows(split)
    if task.head is None or len(rows) < _LEAST:
        lacking = f"{len(rows)} {VALIDATION} rows" if task.head is not None else "no head"
        if split == CHOOSING and task.head is not None:
            lacking += " beside those that experts are measured on; rows of a group stay together"
        raise BadData(
            f"Coefficients are found on {VALIDATION} rows, at least {_LEAST} of every merged task, "
            f"but '{task.name}' has {lacking}.",
            Remedy.UNTICK,
            task.name,
        )
    return task.head


def refuse_no_options(task: Task, loss: str) -> None:
    """Refuse a loss that is taken of options, of a task that has none.

    Raises:
        BadData: naming the task and the loss that would do.
    """
    if loss != NEEDS_LABELS and task.metric not in OPTIONS:
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


def _refuse_one_class(task: Task, answers: np.ndarray) -> None:
    found = np.unique(answers)
    if task.labels and len(found) == 1:  # where every row has options of its own, none is a class
        raise BadData(
            f"'{task.name}': all {len(answers)} {VALIDATION} rows have the label "
            f"'{task.labels[found[0]]}', so a model that always says so has no loss. Add rows of "
            "other labels, or use the loss 'expert', which needs none."
        )
