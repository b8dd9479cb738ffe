"""Unmerge drop: what the kept tasks lose when one is taken out, subtracted or rebuilt."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch

from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.measure.change import changes, mean_change
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import marked, means_over, unmerge_drop
from studio.merge import Merge, written_pieces
from studio.methods import METHODS, method
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.metric import ACCURACY, AGREEMENT, AGREEMENT_WORDS, BOTH, Metric

SUBTRACT, REBUILD = "subtract", "rebuild"


@dataclass(frozen=True)
class Removal:
    """What one task's removal costs the tasks that are kept; accuracies are shares, 0 to 1.

    A loss that rises is a drop, in nats per token. Where the kept tasks have several metrics, the
    mean is of their relative drops: a point of accuracy counts as a percent of a loss.

    Attributes:
        method: the name under which the recipe was given.
        task: that was taken out.
        mode: 'subtract' (algebraic, MDM-OC, Eq. 8: coefficient 0, kept in the basis) or 'rebuild'
            (exact: merged as if it had never been there); of AdapterFusion 'drop' (the adapter is
            no longer attended) or 'retrain' (and the attention is trained again without it).
        mean: over the kept tasks, how much worse they are after than before; above 0 is worse.
        half: half of the 95 % interval of the mean, from paired changes on the same rows.
        worst: the largest drop of a kept task, in its metric.
        worst_task: whose that is.
        removed_score: on the removed task afterwards, in its metric; None if it has no rows.
        n: rows of the kept tasks.
        seconds: to compute the merged weights and put them on, with the deltas' inner products at
            hand from the merge of all tasks; no evaluation in it.
        same: whether both modes give the same weights, byte for byte: their merged tensors were
            compared. Such weights are scored once, and both modes carry that score.
        metric: of the mean.
        worst_metric: of the task that loses most.
        over: what the mean is over, where agreement is in it with something else.
        removed_metric: of the removed task.
    """

    method: str
    task: str
    mode: str
    mean: float
    half: float
    worst: float
    worst_task: str
    removed_score: float | None
    n: int
    seconds: float
    same: bool
    metric: Metric = ACCURACY
    worst_metric: Metric = ACCURACY
    removed_metric: Metric = ACCURACY
    over: str = ""

    def plain(self) -> dict:
        """As JSON; metrics other than accuracy are named."""
        found = {name: x for name, x in asdict(self).items() if not name.endswith("metric")}
        score = found.pop("removed_score")
        found |= {f"removed_{self.removed_metric.name}": score}
        named = {"metric": self.metric, "worst_metric": self.worst_metric}
        found |= {key: each.name for key, each in named.items() if each is not ACCURACY}
        return found if self.over else {key: x for key, x in found.items() if key != "over"}


@dataclass(frozen=True)
class Published:
    """A row of the paper's table: unmerge accuracy drops in percent, and seconds."""

    method: str
    vision: float
    language: float
    seconds: float


PAPER = (
    Published("Task Arithmetic", 12.3, 14.7, 45.2),
    Published("TIES-Merging", 8.9, 11.2, 38.7),
    Published("AdapterFusion", 7.4, 9.6, 42.1),
    Published("MDM-OC", 1.8, 2.3, 12.4),
)
PAPER_WORDS = (
    "as published, arXiv 2507.20997, Table I; single numbers, no variance, other tasks and models; "
    "not reproduced here"
)
HEADER = (
    f"{'method':15} {'mode':8} {'removed task':18} {'mean drop, points':>17} "
    f"{'seconds':>8}  worst of the kept tasks"
)


def linear_methods() -> tuple[str, ...]:
    """Names of the methods that mix the raw deltas themselves when at their defaults."""
    return tuple(name for name in METHODS if not method(name, {}).derives)


def removals(
    bench: Bench,
    recipes: Mapping[str, Recipe],
    tasks: Sequence[str] | None = None,
    split: str = "held_out",
    progress: Progress = silent,
) -> Iterator[Removal]:
    """Take out each task in turn, in both modes, and score what is left on every row in float32.

    The caller owns ``bench.live`` for as long as the results are drawn: whatever it wears is
    replaced, and it ends wearing the last removal. All is checked before this returns; the work
    is done as results are asked for, rebuilt before subtracted.

    Args:
        bench: the zoo, opened.
        recipes: by the name that the results carry; of linear methods.
        tasks: to take out; None for all tasks of each recipe.
        split: whose rows are scored.
        progress: told the share done after every batch; may raise to stop.

    Raises:
        BadRecipe: there is no recipe, one is not linear, or one lacks a task.
        BadData: a removal leaves no task that has rows.
    """
    if not recipes:
        raise BadRecipe(
            "Nothing to take out tasks from: name at least one linear method of "
            f"{', '.join(linear_methods())}."
        )
    derived = [name for name, r in recipes.items() if method(r.method, r.options).derives]
    if derived:
        raise BadRecipe(
            f"{', '.join(derived)}: not linear, so no task's share can be subtracted from the "
            f"weights. Leave it out; at their defaults, {', '.join(linear_methods())} are linear."
        )
    chosen = {name: tuple(tasks or recipe.names) for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        recipe.without(*chosen[name])  # refuses unknown names
        for task in chosen[name]:
            if not set(_scored(bench, recipe, split)) - {task}:
                raise BadData(
                    f"{name} without '{task}' keeps no task that has {split} rows and a head, so "
                    "no drop can be measured. It takes two such tasks."
                )
    return _all(bench, recipes, chosen, split, progress)


def same_weights(one: Merge, other: Merge) -> bool:
    """Whether two merges on the same base give the same bytes; reads up to the first difference."""
    rows = {*one.union.heights, *other.union.heights}
    for name in sorted({*one.changed, *other.changed, *rows}):
        if one.output_dtype(name) != other.output_dtype(name):
            return False
        if one.union.shape(name) != other.union.shape(name):
            return False
        pairs = zip(written_pieces(one, name), written_pieces(other, name), strict=True)
        # as bytes: 0 and -0 are different weights
        if not all(torch.equal(a.view(torch.uint8), b.view(torch.uint8)) for a, b in pairs):
            return False
    return True


def drops_json(found: Sequence[Removal]) -> dict:
    """``{"removals": [...], "paper": {"words": ..., "rows": [...]}}``, plain."""
    return {
        "removals": [each.plain() for each in found],
        "paper": {"words": PAPER_WORDS, "rows": [asdict(each) for each in PAPER]},
    }


def line(removal: Removal) -> str:
    """A removal as a line below ``HEADER``."""
    drop = _drop(removal.metric, removal.mean, removal.half)
    once = ", the same weights in both modes, scored once" if removal.same else ""
    return (
        f"{removal.method:15} {removal.mode:8} "
        f"{marked(removal.task, removal.removed_metric):18} {drop:>17} "
        f"{removal.seconds:8.2f}  {_drop(removal.worst_metric, removal.worst)} "
        f"{marked(removal.worst_task, removal.worst_metric)} "
        f"(n={removal.n:,}{once})"
    )


def mean_notes(found: Sequence[Removal]) -> list[str]:
    """What the means are over, where agreement is in them with something else."""
    if overs := list(dict.fromkeys(each.over for each in found if each.over)):
        return [
            f"Mean drops are of the {' or the '.join(overs)}, by which task is taken out; a point "
            "of agreement counts as a point of accuracy."
        ]
    if any(each.metric is AGREEMENT for each in found):
        return [AGREEMENT_WORDS]
    return []


def paper_lines() -> list[str]:
    """The paper's rows, marked as the paper's."""
    rows = [
        f"  {row.method:15} vision {row.vision:4.1f} %, language {row.language:4.1f} %, "
        f"{row.seconds:.1f} s"
        for row in PAPER
    ]
    return [f"The paper's unmerge accuracy drops, {PAPER_WORDS}:", *rows]


def _drop(metric: Metric, mean: float, half: float | None = None) -> str:
    """A drop with its unit and an interval, finer than points."""
    if not metric.percent:
        return f"{metric.difference(mean, half)} {metric.short}"
    return f"{100 * mean:+.2f}" + ("" if half is None else f" ± {100 * half:.2f}")


def _scored(bench: Bench, recipe: Recipe, split: str) -> tuple[str, ...]:
    return tuple(name for name in bench.scored(split) if name in recipe.names)


def _all(
    bench: Bench,
    recipes: Mapping[str, Recipe],
    chosen: Mapping[str, Sequence[str]],
    split: str,
    progress: Progress,
) -> Iterator[Removal]:
    total = sum(1 + 2 * len(tasks) for tasks in chosen.values())
    done = 0
    for name, recipe in recipes.items():
        size = 1 + 2 * len(chosen[name])
        report = part(progress, done / total, (done + size) / total)
        yield from _of_one(bench, name, recipe, chosen[name], split, report)
        done += size


def _of_one(
    bench: Bench, name: str, recipe: Recipe, tasks: Sequence[str], split: str, progress: Progress
) -> Iterator[Removal]:
    heads, rounds = bench.heads(_scored(bench, recipe, split)), 1 + 2 * len(tasks)

    def evaluated(round_: int, words: str, merge: Merge) -> Evaluation:
        evaluation = bench.evaluation(heads, split, merge=merge)
        report = part(progress, round_ / rounds, (round_ + 1) / rounds)
        for share in evaluation.run(bench.live):
            report(share, words)
        return evaluation

    whole, _ = _wear(bench, recipe)
    before = evaluated(0, f"{name} with all tasks", whole)
    for place, task in enumerate(tasks):
        rebuilt, seconds = _wear(bench, recipe.without(task))
        same = same_weights(rebuilt, bench.merge(recipe.silenced(task)))
        after = evaluated(1 + 2 * place, f"{name} rebuilt without {task}", rebuilt)
        yield removal_of(bench, name, task, REBUILD, before, after, seconds, same)
        subtracted, seconds = _wear(bench, recipe.silenced(task))
        if not same:
            after = evaluated(2 + 2 * place, f"{name} with {task} subtracted", subtracted)
        yield removal_of(bench, name, task, SUBTRACT, before, after, seconds, same)


def _wear(bench: Bench, recipe: Recipe) -> tuple[Merge, float]:
    """Put a recipe on; the merge, and the seconds that took."""
    live = bench.live
    started = time.perf_counter()
    merge = bench.merge(recipe)
    live.wear(merge)
    return merge, time.perf_counter() - started


def removal_of(
    bench: Bench, name: str, task: str, mode: str, before: Evaluation, after: Evaluation,
    seconds: float, same: bool = False,
) -> Removal:  # fmt: skip
    """A removal, by the answers before and after it on the same rows; see ``Removal``."""
    new = after.scores()
    drops = unmerge_drop(before.scores(), new, task)
    kept = {each: change for each, change in changes(after, before).items() if each != task}
    paired, worst = mean_change(kept), max(drops, key=lambda each: drops[each])
    mean = sum(drops.values()) / len(drops)
    if paired.metric is BOTH:  # points and nats are joined, and compared, as shares
        mean, worst = -paired.gain, min(kept, key=lambda each: kept[each].relative.gain)
    return Removal(
        method=name,
        task=task,
        mode=mode,
        mean=mean,
        half=paired.half,
        worst=drops[worst],
        worst_task=worst,
        removed_score=new[task].value if task in new else None,
        n=paired.n,
        seconds=seconds,
        same=same,
        metric=paired.metric,
        worst_metric=kept[worst].metric,
        removed_metric=bench.tasks[task].metric,
        over=means_over(kept),
    )
