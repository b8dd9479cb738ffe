"""The command about tasks that arrive one after another: sequence run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)

if TYPE_CHECKING:
    from studio.measure.bench import Bench
    from studio.recipe import Recipe


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
    names = tuple(task.name for task in bench.zoo.tasks)
    recipes = _recipes(bench, options.methods)
    if sweep:
        recipes |= sweep.recipes(bench.zoo.started)
    orders = (Order(names),)
    if options.orders is not None:
        orders = shuffled(names, options.orders, options.seed)
    plan = make_plan(bench, recipes, orders, options.rows)
    print(
        f"{plan.models:,} models at most, {len(orders)} order{'s' * (len(orders) > 1)} of arrival: "
        f"at most {plan.row_evaluations:,} row evaluations",
        flush=True,
    )
    found, steps = run(bench, plan, show_progress)
    made = tracks(plan, found, list(steps))
    for line in lines(plan, found, made):
        print(line)
    for line in sweep_lines(plan, sweep, made, titles(metrics_of(found))) if sweep else ():
        print(line)
    write_json(options.json, plain(plan, found, made, sweep))


def _recipes(bench: "Bench", methods: str) -> "dict[str, Recipe]":
    from studio.methods import method_type

    names = [name.strip() for name in methods.split(",") if name.strip()]
    for name in names:
        method_type(name)
    return {name: bench.zoo.started(name) for name in names}
