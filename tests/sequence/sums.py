"""A base and four tasks with drawn statistics, and states of sums of them."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.weights import Weights
from studio.merge import Merge, open_merge
from studio.methods.contract import Measured
from studio.recipe import Recipe, TaskEntry
from studio.sequence.arrivals import come
from studio.sequence.sums import SumState, init_sums
from studio.sequence.terms import Terms
from tests.conftest import SHAPES, draw, save_model

NAMES = ("red", "green", "blue", "gold")
METRIC = {"basis": "activation", "order": "symmetric", "strength": 1.0}
METHODS = [
    ("task_arithmetic", {"scale": 0.7}),
    ("average", {}),
    ("wudi", {"ridge": 0.01}),
    ("actmat", {"scale": 0.5}),
    ("actmat", {"entries": 0.5}),
    ("aswudi", {}),
    ("aswudi", {"filter": "decay", "start": "mean"}),
    ("regmean", {}),
    ("mdm_oc", METRIC),
]
LAYERS = ("layer.0.dense.weight", "layer.1.dense.weight")


def four_tasks(folder: Path) -> Path:
    """``zoo_folder`` with a fourth task, and Grams of all four."""
    more = draw(4, scale=0.1)
    model = {f"bert.{k}": v + more[k] for k, v in draw(0).items()}
    save_model(folder / "gold", model)
    for seed, name in enumerate(NAMES, 20):
        generator = torch.Generator().manual_seed(seed)
        grams = {}
        for layer in LAYERS:
            rows = torch.randn(30, SHAPES[layer][1], generator=generator) * (seed - 18)
            grams[layer] = rows.T @ rows / len(rows)
        save_file(grams, folder / f"{name}-inputs.safetensors")
    return folder


def inputs_of(folder: Path, name: str) -> Weights:
    """A task's drawn Grams."""
    return Weights((folder / f"{name}-inputs.safetensors",))


def begun(folder: Path, method: str, options: dict, file: str = "s", coarser: int = 0) -> SumState:
    base = open_checkpoint(folder / "base")
    return init_sums(base, folder / f"{file}.safetensors", method, options, coarser)


def terms_of(state: SumState, folder: Path, name: str, coefficient: float = 1.0) -> Terms:
    base, checkpoint = (open_checkpoint(folder / each) for each in ("base", name))
    return Terms.of(state, base, (name, checkpoint), coefficient, inputs_of(folder, name))


def grown(state: SumState, folder: Path, *names: str, receipts: bool = False) -> SumState:
    """With tasks whose coefficients differ."""
    for name in names:
        receipt = folder / f"{name}.receipt" if receipts else None
        state = come(state, terms_of(state, folder, name, weight_of(name)), receipt)
    return state


def weight_of(name: str) -> float:
    """The coefficient with which a task comes."""
    return 0.5 + 0.25 * NAMES.index(name)


def measured(folder: Path, names: tuple[str, ...]) -> Measured:
    """The drawn Grams as a merge asks for them."""
    found = {name: inputs_of(folder, name) for name in names}
    return lambda task, name: found[task].tensor(name) if name in found[task].entries else None


def batch(folder: Path, names: tuple[str, ...], method: str, options: dict) -> Merge:
    """The merge of the recipe, in float64."""
    from dataclasses import replace

    tasks = tuple(TaskEntry(name, str(folder / name), weight_of(name)) for name in names)
    recipe = Recipe(str(folder / "base"), tasks, method, options, dtype="float64")
    return replace(open_merge(recipe), measured=lambda kind, rows: measured(folder, names))
