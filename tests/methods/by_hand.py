"""Models of one vector on a base of zeros, for values that can be worked by hand."""

from pathlib import Path

import torch
from torch import Tensor

from studio.merge import open_merge
from studio.methods.contract import Method
from studio.recipe import Recipe, TaskEntry
from tests.conftest import save_model
from tests.merged import merged_tensors


def recipe_of(folder: Path, method: Method, deltas, coefficients=None, base=None, seed=0) -> Recipe:
    """A recipe whose tasks t0, t1, ... add these deltas to the base (None: zeros, float64)."""
    base = torch.tensor(base or [0.0] * len(deltas[0]), dtype=torch.float64)
    save_model(folder / "base", {"a.weight": base})
    for i, delta in enumerate(deltas):
        save_model(
            folder / f"t{i}", {"a.weight": base + torch.as_tensor(delta, dtype=torch.float64)}
        )
    coefficients = coefficients or [1.0] * len(deltas)
    tasks = tuple(TaskEntry(f"t{i}", str(folder / f"t{i}"), c) for i, c in enumerate(coefficients))
    return Recipe(str(folder / "base"), tasks, method.name, vars(method), seed=seed)


def merged_vector(folder: Path, method: Method, deltas, coefficients=None, **fields) -> Tensor:
    """The merged vector of ``recipe_of``."""
    recipe = recipe_of(folder, method, deltas, coefficients, **fields)
    return merged_tensors(open_merge(recipe))["a.weight"]
