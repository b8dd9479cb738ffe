"""Agreement: how often a model answers as each task's own expert does, which needs no label."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from studio.measure.bench import Bench
from studio.measure.marks import Marks
from studio.measure.outcomes import Measuring, Outcome
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.tasks.heads import Head
from studio.tasks.metric import AGREEMENT, OPTIONS


@dataclass(frozen=True)
class Agreement:
    """What the experts of a zoo answer to some rows, and how often models answer the same.

    Attributes:
        bench: the zoo, opened.
        split: whose rows; those that nothing was measured on, where it is to choose.
        most: rows per task.
        answers: per task ``(q,)`` its expert's; of a task that is scored by a loss nothing.
    """

    bench: Bench
    split: str
    most: int
    answers: Mapping[str, np.ndarray]

    def of(
        self, merge: Merge | None, heads: Mapping[str, Head | None], progress: Progress = silent
    ) -> Outcome:
        """A model's agreement; of a task that is scored by a loss, that loss.

        Args:
            merge: the model; None for the base.
            heads: by task.
            progress: told the share done; may raise to stop.

        Raises:
            StudioError: it cannot be merged.
        """
        measuring = Measuring(self.bench, progress)
        known = measuring.known(merge, heads, self.split, self.most)
        marks: dict[str, Marks] = {}
        for name, rows in known.items():
            if name in self.answers:
                same = (rows.predictions == self.answers[name]).astype(float)
                marks[name] = Marks(same, AGREEMENT)
            else:
                marks[name] = rows.marks
        return replace(measuring.outcome(known, self.split, self.most), marks=marks)

    def of_not_merging(self, progress: Progress = silent) -> Outcome:
        """The same of the base with heads fitted on it, or the experts' where one lacks."""
        names, tasks = self.bench.scored(), self.bench.tasks
        fitted = {name: tasks[name].head_only for name in names}
        lacking = any(head is None for head in fitted.values())
        return self.of(None, self.bench.heads(names) if lacking else fitted, progress)


def agreement_on(bench: Bench, split: str, most: int, progress: Progress = silent) -> Agreement:
    """Ask every expert its own rows; what was asked before is recalled.

    Args:
        bench: the zoo, opened; its live model is worn for what is not known.
        split: whose rows.
        most: rows per task.
        progress: told the share done; may raise to stop.
    """
    names = [n for n in bench.scored() if bench.tasks[n].metric in OPTIONS]
    found = {}
    for place, name in enumerate(names):
        own = part(progress, place / len(names), (place + 1) / len(names))
        known = Measuring(bench, own).known(bench.expert(name), bench.heads([name]), split, most)
        found[name] = known[name].predictions
    return Agreement(bench, split, most, found)
