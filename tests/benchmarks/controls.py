"""Negative controls of methods that need data: does it matter which statistics they are given?

    python -m tests.benchmarks.controls [--zoo FOLDER] [--rows 256]

Every task is given another task's statistics, by each cyclic shift of the tasks; and its own
Fisher information with the entries of every tensor permuted, which keeps its size and destroys
its pattern. Prints Markdown: held-out accuracy with the right statistics and with others, and the
paired change on the same rows with its 95 % interval. Where the right ones are not better, the
method gains nothing from its data on this zoo.
"""

import argparse
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from studio.demo import DEMO_ZOO
from studio.measure.bench import Bench
from studio.measure.change import changes, mean_change
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.methods import METHODS, method
from studio.methods.contract import Measured
from studio.recipe import Recipe
from studio.zoo import load_zoo


def permuted(values: Tensor, task: str, name: str) -> Tensor:
    """The same entries in another order, drawn by task and tensor."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{task} {name}".encode()))
    return values.reshape(-1)[torch.randperm(values.numel(), generator=generator)].view_as(values)


def shuffled(
    bench: Bench, recipe: Recipe, others: Mapping[str, str], permute: bool = False
) -> Evaluation:
    """Held-out rows by a merge in which each task is given the statistics of another.

    Args:
        bench: the zoo, opened.
        recipe: of a method that needs data.
        others: {task: whose statistics it is given}.
        permute: whether their entries are permuted within every tensor.
    """
    chosen = method(recipe.method, recipe.options)
    look = bench.statistics.look(recipe.names, chosen.measures, chosen.measured_rows)

    def measured(kind: str, rows: int) -> Measured:
        def given(task: str, name: str) -> Tensor | None:
            found = look(others[task], name)
            return permuted(found, task, name) if permute and found is not None else found

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


def control(bench: Bench, recipe: Recipe) -> tuple[Evaluation, list[tuple[str, Evaluation]]]:
    """The right merge, and every wrong one with what was wrong in it."""
    own, *others = shifts(recipe.names)
    right = shuffled(bench, recipe, own)
    wrong = [(f"the task {by} further", shuffled(bench, recipe, each))
             for by, each in enumerate(others, 1)]  # fmt: skip
    if method(recipe.method, recipe.options).measures == "fisher":
        wrong.append(("the task itself, entries permuted", shuffled(bench, recipe, own, True)))
    return right, wrong


def _change(wrong: Evaluation, right: Evaluation) -> str:
    change = mean_change(changes(wrong, right))
    return f"{100 * change.mean:+.1f} ± {100 * change.half:.1f}, n={change.n:,}"


def _seconds(bench: Bench, recipe: Recipe) -> float:
    chosen = method(recipe.method, recipe.options)
    started = time.perf_counter()
    bench.statistics.look(recipe.names, chosen.measures, chosen.measured_rows)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, default=DEMO_ZOO)
    parser.add_argument("--rows", type=int, default=256)
    options = parser.parse_args()
    bench = Bench(load_zoo(options.zoo), torch.device("cpu"))
    print("| method | statistics of | mean accuracy | change, points |\n|---|---|---|---|")
    for name in (each.name for each in METHODS.values() if each.needs):
        recipe = replace(bench.zoo.recipe(name), options={"rows": options.rows})
        seconds = _seconds(bench, recipe)
        right, wrong = control(bench, recipe)
        own = mean_score(right.scores())
        print(f"| {name} | the task itself, at hand in {seconds:.1f} s | {own:.1%} | |", flush=True)
        for words, evaluation in wrong:
            mean, change = mean_score(evaluation.scores()), _change(evaluation, right)
            print(f"| {name} | {words} | {mean:.1%} | {change} |", flush=True)


if __name__ == "__main__":
    main()
