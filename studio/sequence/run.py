"""A sequence run: after each arrival the model merged of what has arrived, scored on all tasks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from studio.errors import Cancelled, StudioError
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring
from studio.measure.references import references, score_references
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.sequence.plan import SPLIT, SequencePlan, prefix
from studio.sequence.shape import Shape, shape

_REFERENCES = 3  # rounds of all rows that they take


@dataclass(frozen=True)
class Arrival:
    """What one arrival made.

    Attributes:
        label: of the method.
        order: place among the plan's orders.
        t: tasks that have arrived, 1 to n.
        recipe: whose merge M_t is; None if it was trained.
        scores: a_i(M_t) of all n tasks; empty if it was refused.
        shape: how far M_t is from the base, and what was taken out of the newcomer; None if
            it was refused or trained.
        seconds: to merge it and put it on, or to train it; 0 if its scores were known.
        refusal: why there is no M_t, nor any later one of this order; or empty.
    """

    label: str
    order: int
    t: int
    recipe: Recipe | None
    scores: dict[str, Score]
    shape: Shape | None
    seconds: float
    refusal: str = ""


@dataclass(frozen=True)
class ReferenceScores:
    """What no order changes, on the same rows.

    Attributes:
        base: the base with the experts' heads.
        experts: each task by its own checkpoint alone.
        head_only: the base with heads fitted on it, for the tasks that have one.
    """

    base: dict[str, Score]
    experts: dict[str, Score]
    head_only: dict[str, Score]


def run(
    bench: Bench, plan: SequencePlan, progress: Progress = silent
) -> tuple[ReferenceScores, Iterator[Arrival]]:
    """Score the base and the experts, then every model of a plan as it is asked for.

    The caller owns ``bench.live`` for as long as steps are drawn. All methods finish an order
    before the next one begins. A method that refuses some tasks ends there with its sentence, and
    the others go on.

    Args:
        bench: the zoo, opened.
        plan: made for it.
        progress: told the share done after every batch; may raise to stop.
    """
    arrivals = len(plan.recipes) * len(plan.orders) * len(plan.tasks)
    first = _REFERENCES / (_REFERENCES + arrivals)
    found = _references(bench, plan, part(progress, 0, first))
    return found, _steps(bench, plan, part(progress, first, 1))


def _references(bench: Bench, plan: SequencePlan, progress: Progress) -> ReferenceScores:
    chosen = references(bench, SPLIT, plan.tasks)
    found = score_references(
        chosen, progress, plan.rows, lambda each, _: each.kind.replace("_", "-")
    )
    fitted = found.head_only.scores if found.head_only else {}
    return ReferenceScores(found.base.scores, found.experts.scores, fitted)


def _steps(bench: Bench, plan: SequencePlan, progress: Progress) -> Iterator[Arrival]:
    n, done = len(plan.tasks), 0
    total = len(plan.orders) * len(plan.recipes) * n
    for place in range(len(plan.orders)):
        for label in plan.recipes:
            before: Merge | None = None
            for t in range(1, n + 1):
                words = f"{label}, order {place + 1} of {len(plan.orders)}, {t} of {n} tasks"
                report = part(progress, (done + t - 1) / total, (done + t) / total)
                step, before = _arrive(bench, plan, label, place, t, before, report, words)
                report(1.0, words)
                yield step
                if step.refusal:
                    break
            done += n


def _arrive(
    bench: Bench, plan: SequencePlan, label: str, place: int, t: int,
    before: Merge | None, progress: Progress, words: str,
) -> tuple[Arrival, Merge | None]:  # fmt: skip
    recipe = prefix(plan.recipes[label], plan.orders[place], t)
    progress(0.0, words)
    measuring = Measuring(bench, lambda share, _: progress(share, words))
    started = time.perf_counter()
    try:
        merge = bench.merge(recipe)
        _ = merge.coefficients if merge.method.derives else merge.mixing
        made = time.perf_counter() - started
        found = measuring.of(merge, bench.heads(plan.tasks), SPLIT, plan.rows)
        seconds = made + found.seconds if found.seconds else 0.0
        arrived = shape(merge, before)
        return Arrival(label, place, t, recipe, found.scores, arrived, seconds), merge
    except Cancelled:
        raise
    except StudioError as refusal:
        return Arrival(label, place, t, recipe, {}, None, 0.0, str(refusal)), None
