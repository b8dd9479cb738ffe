"""A verdict: whether what a search has found scores better than the mix that it started from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studio.measure.bench import Bench
from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import means, means_over
from studio.measure.outcomes import Measuring, Outcome, paired
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.search.rows import judging_rows, searched_split
from studio.search.run import Run
from studio.tasks.metric import ACCURACY


@dataclass(frozen=True)
class Verdict:
    """Scores of both on validation rows that nothing was fitted on, by the metric of each task.

    A search goes by its loss, and a lower loss may answer fewer rows rightly.

    Attributes:
        before: of the mix that the search started from, by task.
        after: of what was found.
        each: paired change of every task.
        fresh: whether the search has not looked at these rows at all; else they are those that
            decided what was kept, which flatters it.
    """

    before: Mapping[str, Score]
    after: Mapping[str, Score]
    each: Mapping[str, Change]
    fresh: bool

    @property
    def change(self) -> Change:
        """Of the mean over tasks; see ``mean_change`` for tasks of several metrics."""
        return mean_change(self.each)

    @property
    def better(self) -> bool:
        """Whether what was found scores higher; of equal ones the mix stays."""
        return self.change.gain > 0

    def words(self, mix: str = "your mix") -> str:
        """What was compared, and which is better, without a full stop.

        Args:
            mix: what that is called which the search started from.
        """
        scores = f"{mix} has {_said(self.before)}, the best found {_said(self.after)}"
        n = sum(change.n for change in self.each.values())
        rows = f"on {n:,} validation rows {self._which}"
        changed, over = f"{change_words(self.each)}, paired", means_over(self.each)
        rows += f"; what counts is the {over}" if over else ""
        if not self.better:
            return f"Nothing better was found: {scores} {rows} ({changed})"
        told = "" if self.change.verdict == "better" else "; these rows cannot tell them apart"
        return f"Something better was found: {scores} {rows} ({changed}{told})"

    @property
    def _which(self) -> str:
        if self.fresh:
            return "that it had not seen"
        return "that it was not fitted on, but that chose it"

    def plain(self) -> dict:
        """As JSON."""
        return self.change.plain() | {
            "better": self.better,
            "rows_not_seen": self.fresh,
            "before": {name: score.plain() for name, score in self.before.items()},
            "after": {name: score.plain() for name, score in self.after.items()},
        }


def verdict(bench: Bench, run: Run, progress: Progress = silent) -> Verdict | None:
    """Compare a run's best coefficients with those that it started from.

    Args:
        bench: the zoo, opened; its live model is worn.
        run: that has found something.
        progress: told the share done; may raise to stop.

    Returns:
        None if some task has validation rows without labels, which cannot be scored.
    """
    names = run.before.names
    split = searched_split(run.before, run.plan.ewc)
    if not all(bench.tasks[name].labelled(split) for name in names):
        return None
    rows, fresh = judging_rows([bench.tasks[name] for name in names], run.plan.rows, split)
    both = []
    for place, recipe in enumerate((run.before, run.recipe())):
        report = part(progress, place / 2, (place + 1) / 2)
        both.append(_on_rows(bench, recipe, split, rows, report))
    each = paired(both[1], both[0])
    return Verdict(both[0].scores, both[1].scores, each, fresh)


def _on_rows(
    bench: Bench, recipe: Recipe, split: str, rows: Mapping[str, np.ndarray], progress: Progress
) -> Outcome:
    """A recipe's outcome on some questions of each task; all are run, and recalled later."""
    whole = Measuring(bench, progress).of(bench.merge(recipe), bench.heads(rows), split)
    groups = {name: None if own is None else own[rows[name]] for name, own in whole.groups.items()}
    return Outcome({name: marks.at(rows[name]) for name, marks in whole.marks.items()}, groups)


def _said(scores: Mapping[str, Score]) -> str:
    found = means(scores)
    if len(found) == 1 and found[0].metric is ACCURACY:
        return found[0].shown
    return " and ".join(f"{mean.name} {mean.shown}" for mean in found)
