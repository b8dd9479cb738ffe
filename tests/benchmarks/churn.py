"""Churn: add, remove and replace tasks many times, in place and by rebuild.

``python -m tests.benchmarks.churn [--zoo PATH] [--operations N] [--seeds N]`` prints Markdown. The
tasks end as they began, so the weights should, too: the drift is how far they do not.
"""

import argparse
import hashlib
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.resident import keep_in_memory
from studio.checkpoints.stored import CODES, tensor_bytes
from studio.checkpoints.weights import weights_root
from studio.component import component
from studio.geometry.gram import Gram, gram
from studio.merge import Merge, merged_into
from studio.recipe import Recipe, TaskEntry
from studio.zoo import load_zoo
from tests.conftest import DEMO

_REVISED = " revised"
_MOVED = 0.1  # standard deviation of what a revised version changes, relative to what it was
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Operation:
    """Take one task out, put one in, or (a replacement) both."""

    out: str | None
    into: str | None

    @property
    def kind(self) -> str:
        return "replace" if self.out and self.into else "remove" if self.out else "add"


@dataclass(frozen=True)
class Versions:
    """Every task in its original and a revised version, all on one base and opened once.

    Attributes:
        recipe: of all versions.
        deltas: of all versions.
        gram: their inner products; those of any subset are among them.
        names: of the tasks, in the order of the original merge.
    """

    recipe: Recipe
    deltas: Deltas
    gram: Gram
    names: tuple[str, ...]

    def merge(self, present: Iterable[str]) -> Merge:
        """The merge of some versions in this order, from nothing but base and checkpoints."""
        entries = {task.name: task for task in self.recipe.tasks}
        tasks = tuple(entries[name] for name in present)
        recipe = Recipe(self.recipe.base, tasks, self.recipe.method, dtype="float32")
        return Merge(recipe, self.deltas.subset(recipe.names), lambda: self.gram)


@dataclass(frozen=True)
class Drift:
    """How far weights that were changed in place are from a merge; relative to the merged change.

    Attributes:
        end: at the end, from the merge that was never touched.
        most: the largest on the way, from the merge of the tasks then present.
        differing: weights that are not the never-touched merge's, at the end.
        root: weights root at the end.
    """

    end: float
    most: float
    differing: int
    root: str


@dataclass(frozen=True)
class Churn:
    """What many operations leave behind.

    Attributes:
        kinds: number of operations by kind.
        weights: of the model.
        root: weights root of the merge that was never touched.
        rebuilt: weights root of the last rebuild.
        recomputed: subtracted was the component in the basis of the tasks then present.
        stored: subtracted was what had been added, kept in memory since.
    """

    kinds: Counter
    weights: int
    root: str
    rebuilt: str
    recomputed: Drift
    stored: Drift


def operations(names: tuple[str, ...], count: int, seed: int) -> list[Operation]:
    """Drawn operations on tasks that end as they began: all originals, in order.

    An operation puts a task at the end, like one that has just arrived. The last few take out
    whatever is there and add the originals.
    """
    generator = torch.Generator().manual_seed(seed)

    def drawn(choices: list[str]) -> str:
        return choices[int(torch.randint(len(choices), (), generator=generator))]

    present, made = list(names), []
    while (left := count - len(made) - len(present) - len(names)) > 0:
        absent = [name for name in names if not {name, name + _REVISED} & set(present)]
        kinds = (
            ["replace"] + ["remove"] * (len(present) > 2) + ["add"] * (left > 1 and absent != [])
        )
        kind = drawn(kinds)
        out = None if kind == "add" else drawn(present)
        into = None if kind == "remove" else other(out) if out else drawn(absent)
        made.append(Operation(out, into))
        present = after(present, made[-1])
    made += [Operation(name, None) for name in present]
    return made + [Operation(None, name) for name in names]


def other(name: str) -> str:
    """The other version of a task."""
    return name.removesuffix(_REVISED) if name.endswith(_REVISED) else name + _REVISED


def after(present: Iterable[str], operation: Operation) -> list[str]:
    """The tasks present once an operation is done."""
    left = [name for name in present if name != operation.out]
    return [*left, operation.into] if operation.into else left


def versions(recipe: Recipe, folder: Path) -> Versions:
    """Open a recipe's tasks, and write and open a revised version of each."""
    base = open_checkpoint(recipe.base)
    opened = [(task.name, open_checkpoint(task.checkpoint)) for task in recipe.tasks]
    entries = list(recipe.tasks)
    for seed, task in enumerate(recipe.tasks):
        place = folder / task.name
        place.mkdir(parents=True)
        alone = Merge(Recipe(recipe.base, (task,), "average"), Deltas(base, [opened[seed]]))
        revise(alone, place, torch.Generator().manual_seed(seed))
        opened.append((task.name + _REVISED, open_checkpoint(place)))
        entries.append(TaskEntry(opened[-1][0], str(place), task.coefficient))
    deltas = Deltas(base, opened)
    keep_in_memory(deltas, 2**32)
    whole = Recipe(recipe.base, tuple(entries), recipe.method)
    return Versions(whole, deltas, gram(deltas), recipe.names)


def revise(alone: Merge, place: Path, generator: torch.Generator) -> None:
    """Write a task's checkpoint with all that training has changed scaled by 1 + 0.1 normal draws.

    These are an adapter's factors, or else the elements of the delta.
    """

    def moved(values: Tensor) -> Tensor:
        return values * (1 + _MOVED * torch.randn(values.shape, generator=generator))

    (checkpoint,), (task,) = alone.deltas.checkpoints, alone.deltas.tasks
    if checkpoint.adapter:
        tensors = {k: moved(checkpoint.tensor(k)) for k in checkpoint.weights.entries}
        save_file(tensors, place / "adapter_model.safetensors")
        shutil.copy(checkpoint.folder / "adapter_config.json", place)
        return
    tensors = {name: alone.base.tensor(name) for name in alone.base.weights.entries}
    for name, delta in component(alone, task).items():
        tensors[name] = tensors[name].float() + moved(delta).view(tensors[name].shape)
    save_file(tensors, place / "model.safetensors")


def churn(known: Versions, count: int, seed: int) -> Churn:
    """Apply the same operations to copies of one merge.

    Algebraically, in place in float32: to add a task is to add its coefficient times its component
    in the basis of the tasks then present, to remove it to subtract that (MDM-OC, Eq. 8), to
    replace it both. Exactly: the recipe is edited and merged anew from the base.
    """
    start, bare = known.merge(known.names), _worn(known.merge(()))
    untouched = _worn(start)
    rebuilt, recomputed, stored = ({k: v.clone() for k, v in untouched.items()} for _ in range(3))
    held = {name: _share(start, name) for name in known.names}
    present, most, done = list(known.names), [0.0, 0.0], operations(known.names, count, seed)
    for operation in done:
        if operation.out:
            _add(recomputed, _share(known.merge(present), operation.out), -1)
            _add(stored, held.pop(operation.out), -1)
        present = after(present, operation)
        merge = known.merge(present)
        if operation.into:
            held[operation.into] = _share(merge, operation.into)
            for weights in (recomputed, stored):
                _add(weights, held[operation.into], 1)
        merged_into(merge, rebuilt)
        if present:
            change = distance(rebuilt, bare)
            far = [distance(weights, rebuilt) / change for weights in (recomputed, stored)]
            most = [max(pair) for pair in zip(most, far, strict=True)]
    drifts = (
        Drift(
            end=distance(weights, untouched) / distance(untouched, bare),
            most=largest,
            differing=sum(int((weights[k] != v).sum()) for k, v in untouched.items()),
            root=root(weights),
        )
        for weights, largest in zip((recomputed, stored), most, strict=True)
    )
    kinds, size = Counter(o.kind for o in done), sum(v.numel() for v in untouched.values())
    return Churn(kinds, size, root(untouched), root(rebuilt), *drifts)


def _worn(merge: Merge) -> Weights:
    """Every tensor of the model, merged."""
    entries = merge.base.weights.entries
    places = {k: torch.empty(e.shape, dtype=merge.output_dtype(k)) for k, e in entries.items()}
    merged_into(merge, places)
    return places


def _share(merge: Merge, task: str) -> Weights:
    """A task's coefficient times its component, flat."""
    coefficients = merge.coefficients[:, merge.recipe.names.index(task)].tolist()
    parts = component(merge, task)
    return {k: parts[k] * c for k, c in zip(merge.deltas.names, coefficients, strict=True)}


def _add(weights: Weights, share: Weights, sign: int) -> None:
    """Add or subtract in place."""
    for name, values in share.items():
        weights[name].view(-1).add_(values, alpha=sign)


def distance(one: Weights, two: Weights) -> float:
    """Euclidean distance over all weights."""
    return math.hypot(*(float((one[k] - v).norm()) for k, v in two.items()))


def root(weights: Weights) -> str:
    """The weights root, as an export would have it."""
    return weights_root(
        (k, CODES[v.dtype], tuple(v.shape), hashlib.sha256(tensor_bytes(v)).hexdigest())
        for k, v in weights.items()
    )


def main() -> None:
    """Print one row per method and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, default=DEMO)
    parser.add_argument("--operations", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("| method | seed | add, remove, replace | subtracted | drift at the end | largest on the "
          "way | weights that differ | root, in place | root, rebuilt |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for method in ("mdm_oc", "task_arithmetic"):
        with tempfile.TemporaryDirectory() as folder:
            known = versions(load_zoo(options.zoo).recipe(method), Path(folder))
            for seed in range(options.seeds):
                report(method, seed, churn(known, options.operations, seed))


def report(method: str, seed: int, found: Churn) -> None:
    """Print the rows of one run."""
    kinds = ", ".join(str(found.kinds[kind]) for kind in ("add", "remove", "replace"))
    rebuilt = "same" if found.rebuilt == found.root else "differs"
    for what, drift in (("as recomputed", found.recomputed), ("as stored", found.stored)):
        inplace = "same" if drift.root == found.root else "differs"
        print(f"| {method} | {seed} | {kinds} | {what} | {drift.end:.2g} | {drift.most:.2g} "
              f"| {drift.differing:,} of {found.weights:,} | {inplace} | {rebuilt} |",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
