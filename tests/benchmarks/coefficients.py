"""Searches for coefficients on a zoo: what a step costs, which optimizer finds more, and where.

    python -m tests.benchmarks.coefficients cost [--zoo FOLDER] [--repeats 7]
    python -m tests.benchmarks.coefficients optimizers [--seeds 5] [--row-evaluations 30000]
    python -m tests.benchmarks.coefficients spaces [--budget 100]
    python -m tests.benchmarks.coefficients objectives [--budget 60]

``cost`` prints ratios of medians, in pairs within one process: a step of Adam against the plain
forward and backward pass of its batch plus one read of the deltas it has products with; a
candidate of CMA-ES against one evaluation of its rows. ``optimizers`` runs Adam, CMA-ES and random
search until each has run so many rows forward, and cuts their records again at the seconds of the
fastest; a backward pass is not counted as rows, and so costs Adam seconds alone. ``spaces``
searches each of MDM-OC's spaces, and that of the raw deltas, with one plan; ``objectives`` searches
MDM-OC's coefficients per task and per tensor by other losses, balances and penalties. All print
Markdown.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from studio.checkpoints.vectors import Room, pieces
from studio.demo import DEMO_ZOO
from studio.measure.bench import Bench
from studio.measure.change import Change
from studio.measure.metrics import mean_score
from studio.measure.outcomes import Measuring
from studio.progress import silent
from studio.recipe import Recipe
from studio.search import run as running
from studio.search.adam import adam
from studio.search.cma_es import evolution, generation_size, limits, rows_of
from studio.search.gradient import gradients
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.state import Kept, Search, SearchStep
from studio.zoo import load_zoo

_EVERY = 1_000_000  # steps: the row evaluations end a search, not its budget


def begun(bench: Bench, recipe: Recipe, plan: SearchPlan) -> tuple[Search, running.Run]:
    """A search that is ready to step, as ``optimize`` makes it."""
    merge = bench.merge(recipe)
    rows = {name: chosen_rows(bench, name, plan.rows, plan.needs_labels) for name in recipe.names}
    return running._begun(bench, merge, plan, rows, silent, ())


def random_search(search: Search) -> Iterator[SearchStep]:
    """Uniform points in CMA-ES's limits, each tried on all rows; better ones are checked."""
    generator, least = np.random.default_rng(search.plan.seed), float("inf")
    low, high = limits(search)
    for number in range(1, search.plan.budget + 1):
        drawn = torch.from_numpy(generator.uniform(size=len(low)))
        point = low + drawn * (high - low)
        found = search.oracle.value(point, search.most_rows)
        value = search.joint(found)
        checked = search.check(point) if value < least else None
        least = min(least, value)
        yield search.step(number, point, found.losses, value, checked)


def spent_on(optimizer: str, search: Search, rows: int) -> int:
    """The budget with which an optimizer comes nearest to so many row evaluations."""
    tasks = len(search.start)
    if optimizer != "cma":
        return _EVERY
    size, checks = generation_size(len(search.directions)), 2 * 500
    best = 1
    for generations in range(1, 200):
        total = sum(rows_of(g, generations, search.most_rows) for g in range(generations))
        if size * tasks * total + checks * generations > rows:
            break
        best = generations
    return best * size


@dataclass(frozen=True)
class Track:
    """One run of one optimizer: (seconds, row evaluations, best so far) after every step."""

    optimizer: str
    seed: int
    points: tuple[tuple[float, int, Kept], ...]

    def best(self, seconds: float = float("inf"), rows: float = float("inf")) -> Kept:
        """The best that was found within a limit."""
        within = [each for each in self.points if each[0] <= seconds and each[1] <= rows]
        return (within or self.points[:1])[-1][2]


def track(bench: Bench, recipe: Recipe, optimizer: str, seed: int, rows: int) -> Track:
    """Run an optimizer until it has spent its row evaluations."""
    name = "adam" if optimizer == "random" else optimizer
    plan = SearchPlan(
        optimizer=name, budget=rows // 150, seed=seed
    )  # Adam: 96 rows, and its checks
    search, _ = begun(bench, recipe, plan)
    if optimizer != "adam":
        search.plan = replace(plan, budget=spent_on(optimizer, search, rows))
    points, started = [], time.perf_counter()
    steps = {"adam": adam, "cma": evolution, "random": random_search}[optimizer]
    for each in (search.begin(), steps(search)):
        for step in each:
            points.append((time.perf_counter() - started, step.rows, step.best))
            if step.rows >= rows:
                return Track(optimizer, seed, tuple(points))
    return Track(optimizer, seed, tuple(points))


def held_out(bench: Bench, recipe: Recipe) -> float:
    """Mean accuracy on all held-out rows."""
    return mean_score(Measuring(bench).merged(recipe, "held_out").scores)


def print_optimizers(bench: Bench, recipe: Recipe, seeds: int, rows: int) -> None:
    """Medians over seeds with the range, at equal row evaluations and at equal seconds."""
    found = [
        track(bench, recipe, optimizer, seed, rows)
        for seed in range(seeds)
        for optimizer in ("adam", "cma", "random")
    ]
    seconds = min(t.points[-1][0] for t in found)
    free = running.space(bench.merge(recipe).deltas, "task")
    print(f"| optimizer | seconds | loss, {rows:,} rows | held out | loss, {seconds:.0f} s "
          "| held out |\n|---|---|---|---|---|---|")  # fmt: skip
    for optimizer in ("adam", "cma", "random"):
        own = [each for each in found if each.optimizer == optimizer]
        cells = [spread([each.points[-1][0] for each in own], "{:.0f}")]
        for limit in ({"rows": rows * 1.05}, {"seconds": seconds}):
            kept = [each.best(**limit) for each in own]
            scores = [
                held_out(bench, free.recipe(recipe, torch.tensor(k.point).double())) for k in kept
            ]
            cells += [spread([k.value for k in kept], "{:.4f}"), spread(scores, "{:.3f}")]
        print(f"| {optimizer} | {' | '.join(cells)} |", flush=True)


def spread(values: Sequence[float], form: str) -> str:
    """Median and range."""
    low, middle, high = (form.format(x) for x in
                         (min(values), statistics.median(values), max(values)))  # fmt: skip
    return f"{middle} ({low} to {high})"


SPACES = [
    ("raw deltas", "task_arithmetic", {}),
    ("vectors", "mdm_oc", {}),
    ("vectors per tensor", "mdm_oc", {"scope": "tensor"}),
    ("subspaces", "mdm_oc", {"basis": "subspace"}),
]


def print_spaces(bench: Bench, plan: SearchPlan) -> None:
    """Gain of every space and granularity over the starting coefficients, on both splits."""
    from studio.search.gain import gains

    print("| components | granularity | free, held | validation | held out | gain, held out |")
    print("|---|---|---|---|---|---|")
    for words, method, options in SPACES:
        start = replace(bench.zoo.recipe(method, 0.41), options=options)
        for granularity in ("task", "group", "tensor"):
            *_, run = running.optimize(bench, start, replace(plan, granularity=granularity))
            seen, unseen = gains(bench, start, run.recipe())
            change: Change = unseen.change
            print(
                f"| {words} | {granularity} | {len(run.free)}, {run.held} | "
                f"{mean_score(seen.after):.3f} | {mean_score(unseen.after):.3f} | "
                f"{100 * change.mean:+.1f} ± {100 * change.half:.1f} |",
                flush=True,
            )


OBJECTIVES = [
    {}, {"balance": "adaptive"}, {"balance": "minimax"}, {"balance": "uncertainty"},
    {"loss": "entropy"}, {"loss": "expert"}, {"ewc": 0.1}, {"ewc": 1.0},
    {"ewc": 0.1, "anchor": "base"}, {"loss": "entropy", "ewc": 0.1},
]  # fmt: skip


def print_objectives(bench: Bench, recipe: Recipe, plan: SearchPlan) -> None:
    """Held-out gain of every objective over the starting coefficients."""
    from studio.search.gain import gains

    print("| objective | granularity | validation | held out | gain, held out |")
    print("|---|---|---|---|---|")
    for granularity in ("task", "tensor"):
        for changes in OBJECTIVES:
            asked = replace(plan, granularity=granularity, **changes)
            *_, run = running.optimize(bench, recipe, asked)
            seen, unseen = gains(bench, recipe, run.recipe())
            change = unseen.change
            words = ", ".join(f"{name} {value}" for name, value in changes.items())
            print(
                f"| {words or 'uniform, labels'} | {granularity} | "
                f"{mean_score(seen.after):.3f} | {mean_score(unseen.after):.3f} | "
                f"{100 * change.mean:+.1f} ± {100 * change.half:.1f} |",
                flush=True,
            )


def print_cost(bench: Bench, recipe: Recipe, repeats: int) -> None:
    """Ratios of medians, measured in turns."""
    plan = SearchPlan(optimizer="adam")
    search, _ = begun(bench, recipe, plan)
    objective = search.oracle._objective
    assert isinstance(objective, Objective)
    point, weights = search.start, torch.full((len(recipe.names),), 1 / 6).double()
    times: dict[str, list[float]] = {"step": [], "plain": [], "candidate": [], "evaluation": []}
    for number in range(1, repeats + 2):
        rounds = {
            "step": lambda n=number: objective.slope(point + 1e-3 * n, n, weights),
            "plain": lambda n=number: plain_pass(objective, n),
            "candidate": lambda n=number: objective.value(point - 1e-3 * n, 64),
            "evaluation": lambda: objective.measure(
                {name: each.fit[:64] for name, each in objective.rows.items()}
            ),
        }
        for name, work in rounds.items():
            started = time.perf_counter()
            work()
            if number > 1:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    print("| | seconds | ratio | target |\n|---|---|---|---|")
    for what, yardstick, target in (("step", "plain", 1.3), ("candidate", "evaluation", 1.15)):
        ratios = [a / b for a, b in zip(times[what], times[yardstick], strict=True)]
        seconds = statistics.median(times[what])
        print(f"| {what} / {yardstick} | {seconds:.3f} | {spread(ratios, '{:.2f}')} | {target} |")


def plain_pass(objective: Objective, number: int) -> None:
    """Forward and backward of a step's batch, and one read of the deltas; nothing is worn."""
    chosen = objective._batch(number)
    with gradients(objective.bench.live, objective.merge):
        for found in objective._runs(chosen):
            torch.stack([losses.mean() for losses, _ in found.values()]).sum().backward()
    room = Room()
    for name in objective.merge.deltas.names:
        tensor = objective.merge.vectors.at(name)
        for start, stop in pieces(tensor.numel):
            for vector in tensor.vectors(start, stop, torch.float32, room):
                if vector is not None:
                    vector.sum()


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("cost", "optimizers", "spaces", "objectives"))
    parser.add_argument("--zoo", type=Path, default=DEMO_ZOO)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--row-evaluations", type=int, default=30_000)
    parser.add_argument("--budget", type=int, default=100)
    options = parser.parse_args()
    bench = Bench(load_zoo(options.zoo), torch.device("cpu"))
    recipe = bench.zoo.recipe("mdm_oc", 0.41)
    if options.what == "cost":
        print_cost(bench, recipe, options.repeats)
    elif options.what == "optimizers":
        print_optimizers(bench, recipe, options.seeds, options.row_evaluations)
    elif options.what == "spaces":
        print_spaces(bench, SearchPlan(budget=options.budget))
    else:
        print_objectives(bench, recipe, SearchPlan(budget=options.budget))


if __name__ == "__main__":
    main()
