"""The judge: what a trial is worth on validation rows that nothing was measured or fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.examples import Examples, examples, picked
from studio.measure.marks import Marks
from studio.measure.outcomes import Outcome
from studio.merge import Merge
from studio.progress import Progress, attended, part
from studio.recipe import Recipe
from studio.tasks.heads import Head
from studio.tasks.metric import ACCURACY, AGREEMENT, OPTIONS, Metric
from studio.tasks.row_parts import DECIDING, VALIDATION

AGREES, LABELS = "agreement", "accuracy"
CRITERIA = (AGREES, LABELS)
"""By what trials are ranked: answers like each task's expert's, or like the labels."""
Values = Mapping[str, np.ndarray]
"""Per task, of questions in the fair order of their rows: 1 right and 0 wrong, or nats."""
_ENOUGH = 8
_MEASURED = 0.5  # share of the progress until a merge is worn, if experts are measured for it


class Judge:
    """Runs ``DECIDING`` rows through what is tried; tasks that are scored by a loss keep theirs.

    Args:
        bench: the zoo, opened; its live model is worn.
        criterion: one of ``CRITERIA``.

    Raises:
        BadRecipe: there is no such criterion.
        BadData: a task has no rows or no head; or a row has no label where labels are to decide.

    Attributes:
        rows: of the task that has most of them.
    """

    def __init__(self, bench: Bench, criterion: str) -> None:
        if criterion not in CRITERIA:
            raise BadRecipe(f"criterion {criterion!r} is not one of {', '.join(CRITERIA)}.")
        self._bench, self._criterion = bench, criterion
        self.names = tuple(bench.tasks)
        for name in self.names:
            _refuse_rowless(bench, name, criterion)
        self.rows = max(len(bench.tasks[name].rows(DECIDING)) for name in self.names)
        self._parts: dict[str, Examples] = {}

    @property
    def agrees(self) -> tuple[str, ...]:
        """Tasks that are judged by what their experts answer."""
        if self._criterion == LABELS:
            return ()
        return tuple(name for name in self.names if self._bench.tasks[name].metric in OPTIONS)

    def asked(self, rows: int) -> dict[str, int]:
        """Per task, how many questions the first rows of its fair order ask."""
        return {name: self._questions(name, 0, rows) for name in self.names}

    def experts(self, progress: Progress) -> dict[str, list[int]]:
        """What each task's own expert answers, to every question in the fair order of the rows."""
        found = {}
        for place, name in enumerate(self.agrees):
            own = part(progress, place / len(self.agrees), (place + 1) / len(self.agrees))
            own(0.0, f"reading the rows of {name}")
            self._bench.live.wear(self._bench.expert(name))
            rows = self._part(name)
            chosen = {name: picked(rows, rows.order)}
            run = self._run(chosen, self._bench.heads([name]), None, own, f"expert {name}")
            found[name] = run.predictions[name].tolist()
        return found

    def take(self, experts: Mapping[str, Sequence[int]]) -> None:
        """Judge by these answers, see ``experts``."""
        for name in self.agrees:
            rows = self._part(name)
            answers = np.empty(len(rows.answers), int)
            answers[rows.questions(rows.order)] = experts[name]
            self._parts[name] = replace(rows, answers=answers)

    def values(
        self, recipe: Recipe | None, first: int, last: int, progress: Progress
    ) -> tuple[dict[str, np.ndarray], float]:
        """What a merge's answers are worth, on the rows of each task from one place to another.

        Args:
            recipe: to merge; None for not merging.
            first: place in the fair order of each task's rows.
            last: behind the last row.
            progress: told the share done; may raise to stop.

        Returns:
            The values, and the seconds that the rows took.

        Raises:
            StudioError: the recipe cannot be merged.
        """
        chosen = {
            name: picked(rows, rows.order[first:last])
            for name in self.names
            if len((rows := self._part(name)).order) > first
        }
        merge = self._bench.merge(recipe) if recipe else None
        begun = self._prepare(merge, progress)
        if merge is not None:
            attended(merge.prepare, progress, begun, "merging")
        self._bench.live.wear(merge)
        heads = self._bench.heads(chosen) if recipe else self._floor(chosen)
        run = self._run(chosen, heads, merge, part(progress, begun, 1.0), "evaluating")
        found = {
            name: run.predictions[name] if rows.extents is not None else run.correct(name)
            for name, rows in chosen.items()
        }
        return {name: each.astype(float) for name, each in found.items()}, run.seconds

    def outcome(self, values: Values) -> Outcome:
        """Values of the first rows of every task, as an outcome."""
        marks, groups = {}, {}
        for name, own in values.items():
            rows = self._part(name)
            asked = rows.questions(rows.order)[: len(own)]
            found = rows.marks(np.zeros(len(rows.answers))).at(asked)
            metric = self._metric(name)
            marks[name] = Marks(np.asarray(own, float), metric, found.units, found.sizes)
            groups[name] = None if rows.groups is None else rows.groups[asked]
        return Outcome(marks, groups)

    def _metric(self, name: str) -> Metric:
        own = self._bench.tasks[name].metric
        if own not in OPTIONS:
            return own
        return AGREEMENT if name in self.agrees else ACCURACY

    def _prepare(self, merge: Merge | None, progress: Progress) -> float:
        """Measure what a merge needs of experts, or of its layers; the share that this took."""
        if merge is None:
            return 0.0
        wanted, most = self._bench.unmeasured(merge.recipe), _MEASURED
        for place, each in enumerate(wanted):
            first, last = (most * at / len(wanted) for at in (place, place + 1))
            self._bench.statistics.measure(each, part(progress, first, last))
        self._bench.fits.prepare(merge, part(progress, 0.0, most))
        return most if wanted or merge.recipe.fits_experts else 0.0

    def _floor(self, names: Mapping[str, object]) -> dict[str, Head | None]:
        """The heads of not merging: those fitted on the base, or the experts' where one lacks."""
        tasks = self._bench.tasks
        if all(task.head_only for task in tasks.values()):
            return {name: tasks[name].head_only for name in names}
        return self._bench.heads(names)

    def _part(self, name: str) -> Examples:
        if name not in self._parts:
            task, labelled = self._bench.tasks[name], name not in self.agrees
            self._parts[name] = examples(self._bench.live, task, DECIDING, labelled)
        return self._parts[name]

    def _questions(self, name: str, first: int, last: int) -> int:
        rows = self._part(name)
        return len(rows.questions(rows.order[first:last]))

    def _run(
        self, chosen: Mapping[str, Examples], heads: Mapping[str, Head | None],
        merge: Merge | None, progress: Progress, words: str,
    ) -> Evaluation:  # fmt: skip
        known = {name: head for name, head in heads.items() if head is not None}
        other = partial(self._bench.fits.heads.replacing, merge, known)
        evaluation = Evaluation(list(chosen.values()), known, replacing=other)
        for share in evaluation.run(self._bench.live):
            progress(share, words)
        return evaluation


def _refuse_rowless(bench: Bench, name: str, criterion: str) -> None:
    task = bench.tasks[name]
    rows = task.rows(DECIDING)
    if task.head is None or not rows:
        lacking = "no head" if task.head is None else f"no {VALIDATION} rows"
        if task.head is not None and task.rows(VALIDATION):
            count = len(task.rows(VALIDATION))
            lacking = (
                f"{count:,} {VALIDATION} rows, all of one group, on which experts are measured"
            )
        raise BadData(
            f"The best merge is found by every task's own {VALIDATION} rows, but '{name}' has "
            f"{lacking}. Add rows of other groups, of which {3 * _ENOUGH} help already and none "
            "needs a label, or leave the task out of the zoo."
        )
    if criterion == LABELS and not task.labelled(DECIDING):
        raise BadData(
            f"'{name}' has {VALIDATION} rows without a label, so its labels cannot decide. Label "
            "them, or decide by agreement with the experts, which needs none."
        )
