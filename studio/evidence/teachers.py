"""Teachers: which kept task teaches the model what it still knows of a removed one."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.errors import StudioError
from studio.evidence.unmerge import Unmerging
from studio.measure.bench import Bench
from studio.measure.change import Change, changes
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.measure.references import SPLIT
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.live_model import LiveModel


@dataclass(frozen=True)
class Teachers:
    """What the model knows of a removed task once a kept one is left out as well.

    Attributes:
        task: that was removed.
        never: its score by the model of all kept tasks.
        without: {kept task: its score by the model of the other kept tasks}.
        changes: {kept task: from ``never`` to that, on the same rows}.
    """

    task: str
    never: Score
    without: Mapping[str, Score]
    changes: Mapping[str, Change]

    @property
    def main(self) -> str:
        """The kept task whose absence makes the largest sure drop; '' if none is surely felt."""
        worse = {name: each for name, each in self.changes.items() if each.verdict == "worse"}
        return min(worse, key=lambda name: worse[name].gain, default="")


def teachers(
    bench: Bench, live: LiveModel, unmerged: Unmerging, task: str, progress: Progress = silent
) -> Teachers:
    """Leave out each kept task in turn, and score the removed one on its held-out rows.

    Args:
        bench: the zoo, for heads and rows.
        live: a model that may be worn.
        unmerged: what was taken out.
        task: one of the removed tasks.
        progress: told the share done.

    Raises:
        StudioError: the task has no held-out rows or head.
    """
    if task not in bench.scored():
        raise StudioError(f"'{task}' has no head or no held-out rows, so nothing can be measured.")
    kept = unmerged.never.names
    share = 1 / (len(kept) + 1)
    never = _evaluated(bench, live, unmerged.never, task, part(progress, 0.0, share))
    without, changed = {}, {}
    for number, name in enumerate(kept, 1):
        rest = unmerged.never.without(name)
        step = part(progress, number * share, (number + 1) * share)
        found = _evaluated(bench, live, rest, task, step)
        without[name] = found.scores()[task]
        changed[name] = changes(found, never)[task]
    return Teachers(task, never.scores()[task], without, changed)


def _evaluated(
    bench: Bench, live: LiveModel, recipe: Recipe, task: str, progress: Progress
) -> Evaluation:
    """One task's held-out rows by a merge; of no task at all, by the base."""
    live.wear(bench.merge(recipe) if recipe.tasks else None)
    evaluation = bench.evaluation(bench.heads([task]), SPLIT, live)
    for share in evaluation.run(live):
        progress(share, f"scoring {task} with {', '.join(recipe.names) or 'the base'}")
    return evaluation
