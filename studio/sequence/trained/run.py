"""A run of training-time baselines: after each arrival the trained model, scored on all tasks."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.bench import Bench
from studio.measure.examples import RowAt
from studio.measure.intervals import Score
from studio.measure.outcomes import watched
from studio.measure.supervision import descend, drawn
from studio.progress import Progress, part, silent
from studio.sequence.plan import SPLIT, SequencePlan
from studio.sequence.run import Arrival
from studio.sequence.trained.baselines import BASELINES, Baseline, row_weights
from studio.sequence.trained.course import Course, TrainedPlan, open_course, training_split

JOINT = "joint"
EVERY = (*BASELINES, JOINT)
"""All of them; joint training sees all tasks at once, so it has no arrivals."""


@dataclass(frozen=True)
class TrainedArrival:
    """What training at one arrival made.

    Attributes:
        step: the model's scores; its seconds are those of the training.
        kept: bytes that are kept for the next arrival, beside the model.
        peak: bytes of resident memory of the process above those before, sampled in training.
        trained: numbers that are trained.
    """

    step: Arrival
    kept: int
    peak: int
    trained: int


def baselines_named(names: Sequence[str]) -> tuple[str, ...]:
    """Names of baselines, each once; 'all' is every one.

    Raises:
        BadRecipe: one is unknown, or there is none.
    """
    found = [each for name in names for each in (EVERY if name == "all" else (name,))]
    unknown = [name for name in found if name not in EVERY]
    if unknown or not found:
        what = f"'{unknown[0]}' is no training-time baseline" if unknown else "None is named"
        raise BadRecipe(f"{what}; there are {', '.join(EVERY)}, or all.")
    return tuple(dict.fromkeys(found))


def trained_rows(bench: Bench, plan: SequencePlan, names: Sequence[str], own: TrainedPlan) -> int:
    """Rows that a run takes forward and backward at most, beside what it scores.

    EWC's Fisher information, A-GEM's reference gradients and replay's rows are among them; what
    LwF's old heads answer beforehand counts, too.
    """
    n, orders, steps = len(plan.tasks), len(plan.orders), own.steps * own.batch
    split = training_split(bench, plan.tasks)
    there = {name: min(len(bench.tasks[name].rows(split)), own.rows) for name in plan.tasks}
    extra = {
        "ewc": sum(min(own.fisher, count) for count in there.values()),
        "lwf": sum(min(steps, count) for count in there.values()),
        "agem": (n - 1) * steps,
        "replay": (n - 1) * steps,
    }
    each = [(1 if name == JOINT else orders) * (n * steps + extra.get(name, 0)) for name in names]
    return sum(each)


def run_trained(
    bench: Bench, plan: SequencePlan, names: Sequence[str], own: TrainedPlan,
    progress: Progress = silent,
) -> Iterator[TrainedArrival]:  # fmt: skip
    """Train and score some baselines on the tasks, orders and held-out rows of a sequence.

    A baseline that refuses the tasks ends at once with its sentence, and the others go on.

    Args:
        bench: the zoo, opened; its live model is left alone, another one is trained.
        plan: of the sequence.
        names: of ``EVERY``.
        own: what training may spend.
        progress: told the share done and the time left; may raise to stop.

    Raises:
        BadData: a task has no rows to train on, or rows without labels.
    """
    course = open_course(bench, plan.tasks, own)
    n, orders = len(plan.tasks), len(plan.orders)
    total = sum(n if name == JOINT else n * orders for name in names)
    timed, done = _timed(progress), 0
    for name in names:
        for place in range(1 if name == JOINT else orders):
            report = part(timed, done / total, (done + n) / total)
            yield from _one(bench, plan, name, place, course, report)
            done += n


def _one(
    bench: Bench, plan: SequencePlan, name: str, place: int, course: Course, progress: Progress
) -> Iterator[TrainedArrival]:
    order = plan.orders[place].tasks
    learner, t = course.learner, 0
    learner.reset(course.plan.seed)
    course.arrived.clear()
    groups = [order] if name == JOINT else [(task,) for task in order]
    try:
        method = BASELINES.get(name, Baseline)(course)
        for at, group in enumerate(groups):
            t = len(order) if name == JOINT else at + 1
            report = part(progress, at / len(groups), (at + 1) / len(groups))
            words = f"{name}, order {place + 1} of {len(plan.orders)}, {t} of {len(order)} tasks"
            with learner.training():
                seconds, peak = _train(course, method, group, part(report, 0.0, 0.7), words)
                scores = _scores(bench, plan, course, part(report, 0.7, 1.0), words)
            step = Arrival(name, place, t, None, scores, None, seconds)
            yield TrainedArrival(step, method.kept, peak, learner.numbers)
            course.arrived.extend(group)
    except Cancelled:
        raise
    except StudioError as refusal:
        step = Arrival(name, place, max(t, 1), None, {}, None, 0.0, str(refusal))
        yield TrainedArrival(step, 0, 0, learner.numbers)


def _train(
    course: Course, method: Baseline, group: Sequence[str], progress: Progress, words: str
) -> tuple[float, int]:
    """Train on what has arrived; seconds, and bytes of memory above those before.

    Tasks that arrive together take turns, step by step, each with the steps of an arrival.
    """
    plan, learner = course.plan, course.learner
    steps = plan.steps * len(group)
    with watched() as peak:
        started = time.perf_counter()
        for task in group:
            method.begins(task)
        optimizer = torch.optim.AdamW(learner.values, lr=course.rate, weight_decay=0.0)
        for number in range(1, steps + 1):
            turn, task = divmod(number - 1, len(group))
            newest = {group[task]: course.rows[group[task]]}
            rows = [*drawn(newest, plan.batch, turn + 1, plan.seed), *method.more(number)]
            optimizer.zero_grad(set_to_none=True)
            loss = _loss(course, method, rows)
            if loss != loss or abs(loss) == float("inf"):
                raise StudioError(
                    f"{method.title}: the loss is {loss} at step {number} of {', '.join(group)}, "
                    "so training ended there. Train with a lower rate."
                )
            method.turns(number)
            optimizer.step()
            progress(number / steps, words)
        for task in group:
            method.ends(task)
        seconds = time.perf_counter() - started
    for each in learner.values:
        each.grad = None
    return seconds, peak[0]


def _loss(course: Course, method: Baseline, rows: Sequence[RowAt]) -> float:
    weights = row_weights(rows)
    at_once, live = course.plan.at_once, course.learner.live
    return descend(live, course.rows, rows, weights, at_once, method.besides)


def _scores(
    bench: Bench, plan: SequencePlan, course: Course, progress: Progress, words: str
) -> dict[str, Score]:
    live = course.learner.live
    evaluation = bench.evaluation(bench.heads(plan.tasks), SPLIT, live, plan.rows)
    for share in evaluation.run(live):
        progress(share, words)
    return evaluation.scores()


def _timed(progress: Progress) -> Progress:
    """Says how much time is left, once some share is done."""
    started = time.perf_counter()

    def report(share: float, words: str) -> None:
        left = (time.perf_counter() - started) * (1 - share) / max(share, 0.01)
        progress(share, f"{words}, about {left:.0f} s left" if share > 0.01 else words)

    return report
