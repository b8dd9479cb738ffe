"""Measure states of sums: ``python -m tests.benchmarks.states ZOO [METHOD ...]``.

Per method: the six adapters come one after the other, each with the studio's starting coefficient.
Printed are the bytes of the state beside the base's, the largest difference of a merged change
from the recipe's own computation in float64 (over the largest number of its tensor), and how many
numbers differ once both are cast to the base's dtype: where none does, the accuracy is the
recipe's. A second state takes the tasks in reverse and must have the same bits.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.measure.bench import Bench, open_bench
from studio.merge import written_pieces
from studio.recipe import Recipe
from studio.sequence.arrivals import come
from studio.sequence.own_inputs import own_inputs
from studio.sequence.sums import SumState, init_sums
from studio.sequence.sums_export import merged_change, touched
from studio.sequence.terms import Terms

METHODS = {
    "task_arithmetic": {}, "wudi": {}, "aswudi": {}, "actmat": {}, "regmean": {},
    "mdm_oc": {"basis": "activation", "order": "symmetric", "strength": 1.0},
}  # fmt: skip


def main(zoo: Path, *chosen: str) -> None:
    """Print a line per method."""
    bench = open_bench(zoo, "cpu")
    assert bench is not None
    for name in chosen or METHODS:
        recipe = replace(bench.zoo.started(name), options=METHODS[name], dtype="float64")
        print(line(bench, recipe), flush=True)


def line(bench: Bench, recipe: Recipe) -> str:
    """One method's figures."""
    base = open_base(Path(bench.zoo.base), (bench.zoo.folder,))
    with tempfile.TemporaryDirectory() as folder:
        state = grown(bench, base, recipe, Path(folder) / "state", recipe.names)
        other = grown(bench, base, recipe, Path(folder) / "other", recipe.names[::-1])
        same = state.path.read_bytes() == other.path.read_bytes()
        size = state.path.stat().st_size
        worst, differ, count = compared(bench, base, recipe, state)
    whole = sum(entry.size for entry in base.weights.entries.values())
    weight = state.tasks[0].coefficient
    return (
        f"{recipe.method}, {weight:.3g}: {size / 1e6:.1f} MB, {size / whole:.1f} times the base, "
        f"error {worst:.1e}, {differ:,} of {count:,} numbers differ in the base's dtype, in "
        f"reverse {'the same bits' if same else 'OTHER BITS'}"
    )


def grown(
    bench: Bench, base: Checkpoint, recipe: Recipe, path: Path, names: tuple[str, ...]
) -> SumState:
    """A state to which tasks came in an order."""
    state = init_sums(base, path, recipe.method, recipe.options)
    usual = state.method.default_coefficient
    for name in names:
        (task,) = [each for each in recipe.tasks if each.name == name]
        given = usual if task.coefficient is None else task.coefficient
        assert isinstance(given, float | int)
        checkpoint = open_checkpoint(Path(task.checkpoint), (bench.zoo.folder,))
        measured = own_inputs(state, bench.zoo, base, checkpoint)
        state = come(state, Terms.of(state, base, (name, checkpoint), float(given), measured))
    return state


def compared(
    bench: Bench, base: Checkpoint, recipe: Recipe, state: SumState
) -> tuple[float, int, int]:
    """Largest share that a change is off; numbers that differ after the cast, and all."""
    merge = bench.merge(recipe)
    merge.prepare()
    worst, differ, count = 0.0, 0, 0
    for name in touched(state):
        stored = base.tensor(name).flatten()
        change = merged_change(state, base, name)
        dense = (
            torch.cat([piece.clone() for piece in written_pieces(merge, name)]) - stored.double()
        )
        worst = max(worst, float((change - dense).abs().max() / dense.abs().max()))
        cast = [(stored.double() + each).to(stored.dtype) for each in (change, dense)]
        differ += int((cast[0] != cast[1]).sum())
        count += len(stored)
    return worst, differ, count


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
