"""Measures of an unmerge against the model that never had the task, and against the base."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from studio.evidence.attack import Attack, attack
from studio.evidence.rebuild import rebuilt_root
from studio.evidence.residue import Residue, residue
from studio.evidence.scoring import Scoring
from studio.evidence.shares import Share, shares_left
from studio.evidence.unmerge import Unmerging
from studio.measure.change import Change, change_words, changes, mean_change
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.metric import ACCURACY, Metric

Range = tuple[float, float]
Ranges = tuple[Range | None, Range | None, Range | None]


@dataclass(frozen=True)
class Drop:
    """UAD: what the kept tasks lose.

    Attributes:
        mean: over kept tasks, how much worse they are after than before, in the metric; where they
            have several, of their relative changes.
        half: half of its 95 % interval, from the same rows.
        worst: of one kept task, in its own metric.
        task: which.
        n: rows.
        metric: of the mean.
        worst_metric: of that task.
        said: mean and interval in words, metric by metric.
    """

    mean: float
    half: float
    worst: float
    task: str
    n: int
    metric: Metric = ACCURACY
    worst_metric: Metric = ACCURACY
    said: str = ""


@dataclass(frozen=True)
class Behaviour:
    """Held-out scores of the removed tasks, and what the kept ones lose.

    Attributes:
        after: removed tasks by the unmerged model, with their own heads.
        never: by the model that never had them.
        base: by the untouched base, with the same heads.
        own: by their own checkpoints.
        drop: None if no scored task is kept.
    """

    after: Mapping[str, Score]
    never: Mapping[str, Score]
    base: Mapping[str, Score]
    own: Mapping[str, Score]
    drop: Drop | None


@dataclass(frozen=True)
class Measures:
    """Everything measured of one unmerge.

    Attributes:
        unmerged: of what.
        root: weights root of the result, streamed in this process.
        never_root: of the model that never had the tasks.
        coefficients: {task: its raw coefficient in the full model, the subtracted one and the
            rebuilt one}, see ``raw_coefficients``.
        residue: against the never-merged model.
        seconds: to compute and hash the weights, of the result and of the never-merged model.
        behaviour: None if it was not measured.
        attack: None if it was not run, or there was nothing to attack with.
        reasons: {measure: why it was not run}.
        shares: what is left of every removed task in those that are merged still.
    """

    unmerged: Unmerging
    root: str
    never_root: str
    coefficients: Mapping[str, Ranges] | None
    residue: Residue
    seconds: tuple[float, float]
    behaviour: Behaviour | None = None
    attack: Attack | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    shares: Sequence[Share] = ()


def measure(
    merges: Callable[[Recipe], Merge],
    unmerged: Unmerging,
    scoring: Scoring | None,
    progress: Progress = silent,
) -> Measures:
    """Measure an unmerge.

    Args:
        merges: opens the merge of a recipe.
        unmerged: of what.
        scoring: None if there is no zoo; behaviour is then listed as not run.
        progress: told the share done; raising stops it.
    """
    result, never = merges(unmerged.recipe), merges(unmerged.never)
    full = merges(unmerged.full)
    one = unmerged.removed[0] if len(unmerged.removed) == 1 else None
    started = time.perf_counter()
    root = rebuilt_root(result, part(progress, 0.0, 0.05))
    between = time.perf_counter()
    never_root = rebuilt_root(never, part(progress, 0.05, 0.1))
    seconds = (between - started, time.perf_counter() - between)
    found = residue(result, never, full, one, part(progress, 0.1, 0.2))
    reasons: dict[str, str] = {}
    behaviour, attacked = None, None
    if scoring is None:
        reasons |= dict.fromkeys(("C1", "C2", "B2"), "No zoo with heads and held-out rows.")
    else:
        behaviour = _behaviour(unmerged, scoring, part(progress, 0.2, 0.8), reasons)
        attacked = _attacked(unmerged, scoring, found.norm, part(progress, 0.8, 1.0), reasons)
    return Measures(
        unmerged, root, never_root, raw_coefficients(merges, unmerged), found, seconds,
        behaviour, attacked, reasons, shares_left(unmerged, full, never),
    )  # fmt: skip


def raw_coefficients(
    merges: Callable[[Recipe], Merge], unmerged: Unmerging
) -> dict[str, Ranges] | None:
    """Every task's coefficient in the raw deltas: full, subtracted, rebuilt.

    Returns:
        {task: least and most over the tensors, or None where it is absent}; None for a method
        that mixes something else than raw deltas.
    """
    three = tuple(merges(r) for r in (unmerged.full, unmerged.subtracted, unmerged.never))
    if three[0].method.derives:
        return None
    gone = unmerged.removed  # a replaced task keeps its name, but the checkpoint is another one
    return {
        name: (
            coefficient_range(three[0], name),
            coefficient_range(three[1], name),
            None if name in gone else coefficient_range(three[2], name),
        )
        for name in unmerged.full.names
    }


def coefficient_range(merge: Merge, task: str) -> Range | None:
    """Least and most raw coefficient of a task over the tensors; None if it has none at all."""
    if task not in merge.deltas.tasks:
        return None
    column = merge.mixing[:, merge.deltas.tasks.index(task)]
    return float(column.min()), float(column.max())


def _behaviour(
    unmerged: Unmerging, scoring: Scoring, progress: Progress, reasons: dict[str, str]
) -> Behaviour | None:
    scored = scoring.bench.scored()
    gone = [name for name in unmerged.removed if name in scored]
    if not gone:
        reasons["C1"] = "The removed task has no head or no held-out rows."
    if unmerged.added is not None:
        gone, reasons["C1"] = [], "The zoo's head is of the checkpoint that was replaced."
    before = scoring.evaluate(unmerged.full, part(progress, 0.0, 0.2))
    after = scoring.evaluate(unmerged.recipe, part(progress, 0.2, 0.3))
    never = scoring.evaluate(unmerged.never, part(progress, 0.3, 0.4))
    base = scoring.base(part(progress, 0.4, 0.7))  # on a page it waits for all that follow, too
    own = scoring.own(part(progress, 0.7, 1.0))

    def of_gone(scores: Mapping[str, Score]) -> dict[str, Score]:
        return {name: scores[name] for name in gone}

    drop = _drop(before, after, unmerged)
    if drop is None:
        reasons["C2"] = "No task that is kept has a head and held-out rows."
    return Behaviour(
        of_gone(after.scores()), of_gone(never.scores()), of_gone(base), of_gone(own), drop
    )


def _drop(before: Evaluation, after: Evaluation, unmerged: Unmerging) -> Drop | None:
    """UAD_k = mean over kept tasks of (before - after), with its paired interval.

    Of losses it is (after - before): a loss that rises is a drop.
    """
    kept = {
        name: change
        for name, change in changes(after, before).items()
        if name in unmerged.full.names and name not in unmerged.removed
    }
    if not kept:
        return None
    task = min(kept, key=lambda name: kept[name].relative.gain)
    change, said = mean_change(kept), change_words(_turned(kept))
    return Drop(
        -change.gain, change.half, -kept[task].gain, task, change.n, change.metric,
        kept[task].metric, said,
    )  # fmt: skip


def _turned(each: Mapping[str, Change]) -> dict[str, Change]:
    """Changes such that above 0 is worse."""
    return {name: replace(change, mean=-change.gain) for name, change in each.items()}


def _attacked(
    unmerged: Unmerging, scoring: Scoring, norm: float, progress: Progress, reasons: dict[str, str]
) -> Attack | None:
    if len(unmerged.removed) != 1:
        reasons["B2"] = "The attack is on one removed task at a time."
        return None
    if unmerged.added is not None:
        reasons["B2"] = "A replacement leaves no residue of this kind."
        return None
    if unmerged.removed[0] not in scoring.bench.scored():
        reasons["B2"] = "The removed task has no head or no held-out rows."
        return None
    if norm == 0.0:
        return None
    return attack(scoring.bench, scoring.live(), unmerged, norm, progress)
