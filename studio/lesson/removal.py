"""What is left where a task is subtracted and not rebuilt, and what an attacker makes of it."""

from dataclasses import dataclass

from studio.evidence.attack import attack
from studio.evidence.residue import residue
from studio.evidence.unmerge import unmerging
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring
from studio.progress import Progress, part, silent
from studio.recipe import Recipe


@dataclass(frozen=True)
class BroughtBack:
    """What an attack brought back of a task that was taken out; scores on every held-out row.

    Attributes:
        task: that was taken out.
        own: by its own checkpoint.
        base: by the untouched base, with the task's head.
        never: by the model that never had it, which is the rebuilt one.
        back: by the model that an attacker makes of the subtracted one; None if the two ways leave
            the same weights, so that there is nothing to attack with.
    """

    task: str
    own: Score
    base: Score
    never: Score
    back: Score | None


def left_behind(bench: Bench, full: Recipe, task: str) -> float:
    """Length of what subtracting a task leaves in the weights, by the length of its delta.

    By algebra: the inner products of the deltas say it, no weights are formed.

    Args:
        bench: the zoo, opened.
        full: a recipe with the task, of a method that adds up the raw deltas.
        task: that is taken out.
    """
    removal = unmerging(full, (task,), "algebraic")
    kept, rebuilt = bench.merge(removal.subtracted), bench.merge(removal.never)
    left, tasks = kept.mixing.clone(), list(kept.deltas.tasks)
    columns = [tasks.index(name) for name in rebuilt.deltas.tasks]
    places = {name: row for row, name in enumerate(kept.deltas.names)}
    for row, name in enumerate(rebuilt.deltas.names):
        left[places[name], columns] -= rebuilt.mixing[row]
    squared = float((left.unsqueeze(1) @ kept.gram.blocks @ left.unsqueeze(2)).sum())
    own = float(kept.gram.total()[tasks.index(task), tasks.index(task)])
    return (max(squared, 0.0) / own) ** 0.5 if own else 0.0


def brought_back(bench: Bench, full: Recipe, task: str, progress: Progress = silent) -> BroughtBack:
    """Take a task out of a merge in both ways, and attack the subtracted model.

    Args:
        bench: the zoo; its live model is worn.
        full: a recipe with the task, of a method with a component per task.
        task: with a head and held-out rows.
        progress: told the share done.

    Raises:
        StudioError: the recipe cannot be merged, or the task has no rows.
    """
    removal, heads = unmerging(full, (task,), "algebraic"), bench.heads([task])
    merges = (bench.expert(task), None, bench.merge(removal.never))
    own, base, never = (
        Measuring(bench, part(progress, place * 0.15, place * 0.15 + 0.15))
        .of(merge, heads, "held_out")
        .scores[task]
        for place, merge in enumerate(merges)
    )
    kept, full_merge = bench.merge(removal.recipe), bench.merge(full)
    left = residue(kept, merges[2] or kept, full_merge, task, part(progress, 0.45, 0.55))
    found = attack(bench, bench.live, removal, left.norm, part(progress, 0.55, 1.0))
    return BroughtBack(task, own, base, never, found.score if found else None)
