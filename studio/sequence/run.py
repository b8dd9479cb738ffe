"""A sequence run: after each arrival the model merged of what has arrived, scored on all tasks."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from studio.errors import Cancelled, StudioError
from studio.measure.bench import Bench
from studio.measure.references import Reference, references
from studio.measure.scores import Score
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.sequence.plan import SPLIT, SequencePlan, prefix
from studio.sequence.score_cache import Known
from studio.sequence.shape import Shape, shape
from studio.tasks.heads import Head

Heads = dict[str, Head | None]
_REFERENCES = 3  # rounds of all rows that they take


@dataclass(frozen=True)
class Arrival:
    """What one arrival made.

    Attributes:
        label: of the method.
        order: place among the plan's orders.
        t: tasks that have arrived, 1 to n.
        recipe: whose merge M_t is.
        scores: a_i(M_t) of all n tasks; empty if it was refused.
        shape: how far M_t is from the base, and what was taken out of the newcomer; None if
            it was refused.
        seconds: to merge it and put it on.
        refusal: why there is no M_t, nor any later one of this order; or empty.
    """

    label: str
    order: int
    t: int
    recipe: Recipe
    scores: dict[str, Score]
    shape: Shape | None
    seconds: float
    refusal: str = ""


@dataclass(frozen=True)
class References:
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
) -> tuple[References, Iterator[Arrival]]:
    """Score the base and the experts, then every model of a plan as it is asked for.

    The caller owns ``bench.live`` for as long as steps are drawn. All methods finish an order
    before the next one begins. A method that refuses some tasks ends there with its sentence, and
    the others go on.

    Args:
        bench: the zoo, opened.
        plan: made for it.
        progress: told the share done after every batch; may raise to stop.
    """
    known = Known(bench, plan)
    arrivals = len(plan.recipes) * len(plan.orders) * len(plan.tasks)
    first = _REFERENCES / (_REFERENCES + arrivals)
    found = _references(bench, plan, known, part(progress, 0, first))
    return found, _steps(bench, plan, known, part(progress, first, 1))


def _references(bench: Bench, plan: SequencePlan, known: Known, progress: Progress) -> References:
    found: dict[str, dict[str, Score]] = {"base": {}, "expert": {}, "head_only": {}}
    wanted = [
        (each, heads)
        for each in references(bench)
        if (heads := {name: each.heads[name] for name in each.heads if name in plan.tasks})
    ]
    for place, (each, heads) in enumerate(wanted):
        report = part(progress, place / len(wanted), (place + 1) / len(wanted))
        measure = partial(_measure, bench, each, heads, plan, report)
        found[each.kind] |= known.scores(f"{each.kind} {each.expert or ''}", measure)
        report(1.0, each.kind)
    return References(found["base"], found["expert"], found["head_only"])


def _measure(
    bench: Bench, each: Reference, heads: Heads, plan: SequencePlan, progress: Progress
) -> dict[str, Score]:
    bench.live.wear(each.merge())
    return _score(bench, heads, plan, progress, each.kind.replace("_", "-"))


def _steps(bench: Bench, plan: SequencePlan, known: Known, progress: Progress) -> Iterator[Arrival]:
    n, done = len(plan.tasks), 0
    total = len(plan.orders) * len(plan.recipes) * n
    for place in range(len(plan.orders)):
        for label in plan.recipes:
            before: Merge | None = None
            for t in range(1, n + 1):
                words = f"{label}, order {place + 1} of {len(plan.orders)}, {t} of {n} tasks"
                report = part(progress, (done + t - 1) / total, (done + t) / total)
                step, before = _arrive(bench, plan, known, label, place, t, before, report, words)
                report(1.0, words)
                yield step
                if step.refusal:
                    break
            done += n


def _arrive(
    bench: Bench, plan: SequencePlan, known: Known, label: str, place: int, t: int,
    before: Merge | None, progress: Progress, words: str,
) -> tuple[Arrival, Merge | None]:  # fmt: skip
    recipe = prefix(plan.recipes[label], plan.orders[place], t)
    progress(0.0, words)
    started, worn = time.perf_counter(), 0.0
    try:
        merge = bench.merge(recipe)

        def measure() -> dict[str, Score]:
            nonlocal worn
            bench.live.wear(merge)
            worn = time.perf_counter() - started
            return _score(bench, bench.heads(plan.tasks), plan, progress, words)

        scores = known.scores(known.key(merge), measure)
        return Arrival(label, place, t, recipe, scores, shape(merge, before), worn), merge
    except Cancelled:
        raise
    except StudioError as refusal:
        return Arrival(label, place, t, recipe, {}, None, 0.0, str(refusal)), None


def _score(
    bench: Bench, heads: Heads, plan: SequencePlan, progress: Progress, words: str
) -> dict[str, Score]:
    evaluation = bench.evaluation(heads, SPLIT, rows=plan.rows)
    for share in evaluation.run(bench.live):
        progress(share, words)
    return evaluation.scores()
