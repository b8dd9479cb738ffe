"""Negative controls of methods that need data: does it matter whose statistics they are given?

    python -m tests.benchmarks.controls [--zoo FOLDER] [--rows 256]

Every task is given another task's statistics, by each cyclic shift of the tasks. Prints Markdown:
held-out accuracy with the right statistics and with others, and the paired change on the same
rows with its 95 % interval. The right ones must be better, or the method does not use its data.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from studio.methods import METHODS, method
from studio.methods.method import Measured
from studio.recipe import Recipe
from studio.tasks.bench import Bench
from studio.tasks.change import Change, changes, mean_change
from studio.tasks.evaluate import Evaluation
from studio.tasks.scores import mean_accuracy
from studio.zoo import load_zoo

DEMO = Path(__file__).parents[2] / "assets" / "demo-zoo"


def shuffled(bench: Bench, recipe: Recipe, others: Mapping[str, str]) -> Evaluation:
    """Held-out rows by a merge in which each task is given the statistics of another."""
    chosen = method(recipe.method, recipe.options)
    look = bench.statistics.look(recipe.names, chosen.needs, chosen.measured_rows)

    def measured(kind: str, rows: int) -> Measured:
        def given(task: str, name: str) -> Tensor | None:
            return look(others[task], name)

        return given

    merge = replace(bench.merge(recipe), recall=None, measured=measured)
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation


def shifts(names: tuple[str, ...]) -> list[dict[str, str]]:
    """Every cyclic shift of the tasks, the first of which leaves each where it is."""
    count = len(names)
    return [{names[i]: names[(i + by) % count] for i in range(count)} for by in range(count)]


def control(bench: Bench, recipe: Recipe) -> tuple[Evaluation, list[tuple[Evaluation, Change]]]:
    """The right merge, and every wrong one with its change of the mean accuracy."""
    right, *wrong = (shuffled(bench, recipe, each) for each in shifts(recipe.names))
    return right, [(each, mean_change(changes(each, right))) for each in wrong]


def _words(change: Change) -> str:
    return f"{100 * change.mean:+.1f} ± {100 * change.half:.1f}, n={change.n:,}"


def _seconds(bench: Bench, recipe: Recipe) -> float:
    chosen = method(recipe.method, recipe.options)
    started = time.perf_counter()
    bench.statistics.look(recipe.names, chosen.needs, chosen.measured_rows)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, default=DEMO)
    parser.add_argument("--rows", type=int, default=256)
    options = parser.parse_args()
    bench = Bench(load_zoo(options.zoo), torch.device("cpu"))
    print("| method | statistics of | mean accuracy | change, points |\n|---|---|---|---|")
    for name in (each.name for each in METHODS.values() if each.needs):
        recipe = replace(bench.zoo.recipe(name), options={"rows": options.rows})
        seconds = _seconds(bench, recipe)
        right, wrong = control(bench, recipe)
        own = mean_accuracy(right.scores())
        print(f"| {name} | the task itself, at hand in {seconds:.1f} s | {own:.1%} | |", flush=True)
        for by, (evaluation, change) in enumerate(wrong, 1):
            mean = mean_accuracy(evaluation.scores())
            print(f"| {name} | the task {by} further | {mean:.1%} | {_words(change)} |", flush=True)


if __name__ == "__main__":
    main()
