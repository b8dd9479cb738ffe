"""The command about tasks that arrive one after another: sequence run."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)
from studio.errors import StudioError
from studio.progress import part

if TYPE_CHECKING:
    from studio.measure.bench import Bench
    from studio.recipe import Recipe
    from studio.sequence.measures import Track
    from studio.sequence.plan import SequencePlan
    from studio.sequence.run import ReferenceScores
    from studio.sequence.trained.course import TrainedPlan

_MOST_STEPS = 100_000


def add_run_command(commands: Commands) -> None:
    """Add ``run`` to the commands of ``sequence``."""
    each = commands.add("run", _run, "Score methods after each arrival on the same held-out rows.")
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("--methods", required=True, metavar="A,B,C")
    each.add_argument(
        "--orders", type=int, metavar="K",
        help="so many different shuffles of the tasks (default: the zoo's order alone)",
    )  # fmt: skip
    each.add_argument("--seed", type=int, default=0, metavar="S", help="of the first shuffle")
    each.add_argument(
        "--rows", type=int, metavar="N",
        help="held-out rows per task, a fair sample that is always the same (default: all)",
    )  # fmt: skip
    each.add_argument(
        "--sweep", metavar="METHOD.OPTION=FROM:TO:STEP",
        help="also run a method once per value of one of its numbers, both ends included",
    )  # fmt: skip
    each.add_argument(
        "--trained", metavar="A,B,C|all",
        help="also train on tasks as they arrive: sequential, ewc, lwf, agem, replay, and joint "
        "(all at once); takes minutes, the cost is said first",
    )  # fmt: skip
    each.add_argument(
        "--trained-steps", type=int, metavar="N", help="steps of 16 rows per arrival (default: 60)"
    )
    duplicates_argument(each)
    each.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")


def _run(options: argparse.Namespace) -> None:
    from studio.sequence.measures import metrics_of, tracks
    from studio.sequence.orders import Order, shuffled
    from studio.sequence.plan import make_plan
    from studio.sequence.report import lines, plain, sweep_lines, titles
    from studio.sequence.run import run
    from studio.sequence.sweep import parse_sweep

    bench = zoo_bench(options)
    sweep = parse_sweep(options.sweep) if options.sweep else None
    tasks = tuple(task.name for task in bench.zoo.tasks)
    recipes = _recipes(bench, options.methods)
    if sweep:
        recipes |= sweep.recipes(bench.zoo.started)
    orders = (Order(tasks),)
    if options.orders is not None:
        orders = shuffled(tasks, options.orders, options.seed)
    plan = make_plan(bench, recipes, orders, options.rows)
    print(
        f"{plan.models:,} models at most, {len(orders)} order{'s' * (len(orders) > 1)} of arrival: "
        f"at most {plan.row_evaluations:,} row evaluations",
        flush=True,
    )
    names, own = _trained(options)
    if names:
        _say_cost(bench, plan, names, own)
    half = part(show_progress, 0.0, 0.5) if names else show_progress
    found, steps = run(bench, plan, half)
    made = tracks(plan, found, list(steps))
    for line in lines(plan, found, made):
        print(line)
    for line in sweep_lines(plan, sweep, made, titles(metrics_of(found))) if sweep else ():
        print(line)
    content = plain(plan, found, made, sweep)
    if names:
        content["trained"] = _train_too(bench, plan, names, own, found, made)
    write_json(options.json, content)


def _trained(options: argparse.Namespace) -> "tuple[tuple[str, ...], TrainedPlan]":
    """Which baselines are trained, and what that may spend."""
    from studio.sequence.trained.course import TrainedPlan
    from studio.sequence.trained.run import baselines_named

    own, steps = TrainedPlan(), options.trained_steps
    if options.trained is None:
        if steps is not None:
            raise StudioError("--trained-steps is of baselines; name some with --trained.")
        return (), own
    if steps is not None and not 1 <= steps <= _MOST_STEPS:
        raise StudioError(f"--trained-steps is {steps}; give 1 to {_MOST_STEPS:,}.")
    names = [name.strip() for name in options.trained.split(",") if name.strip()]
    return baselines_named(names), replace(own, steps=steps or own.steps)


def _train_too(
    bench: "Bench", plan: "SequencePlan", names: "tuple[str, ...]", own: "TrainedPlan",
    found: "ReferenceScores", merged: "list[Track]",
) -> dict:  # fmt: skip
    """Train baselines, and print them below what was merged; as JSON."""
    from studio.sequence.trained.course import training_split
    from studio.sequence.trained.report import trained_json, trained_lines
    from studio.sequence.trained.run import run_trained

    made = list(run_trained(bench, plan, names, own, part(show_progress, 0.5, 1.0)))
    for line in trained_lines(plan, found, made, merged):
        print(line)
    return trained_json(plan, found, made, own, training_split(bench, plan.tasks))


def _say_cost(
    bench: "Bench", plan: "SequencePlan", names: "tuple[str, ...]", own: "TrainedPlan"
) -> None:
    from studio.sequence.trained.course import training_split
    from studio.sequence.trained.learner import ADAPTER, WHOLE, is_adapted
    from studio.sequence.trained.report import cost_words
    from studio.sequence.trained.run import trained_rows

    rows, split = trained_rows(bench, plan, names, own), training_split(bench, plan.tasks)
    print(cost_words(rows, split, ADAPTER if is_adapted(bench) else WHOLE, own), flush=True)


def _recipes(bench: "Bench", methods: str) -> "dict[str, Recipe]":
    from studio.methods import method_type

    names = [name.strip() for name in methods.split(",") if name.strip()]
    for name in names:
        method_type(name)
    return {name: bench.zoo.started(name) for name in names}
