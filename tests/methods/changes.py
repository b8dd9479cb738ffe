"""Merges of drawn deltas of one matrix on a base of zeros, whose merged tensor is the change."""

import torch
from torch import Tensor

from studio.merge import open_merge
from studio.methods.contract import Method
from studio.recipe import Recipe, TaskEntry
from tests.conftest import save_adapter, save_model
from tests.merged import merged_tensors

SHAPES = [(12, 8), (8, 12), (9, 9), (24, 5)]


def drawn(shape: tuple[int, int], n: int, rank: int | None = None) -> list[Tensor]:
    """n float64 deltas of unlike sizes, of full rank or of the rank."""
    g = torch.Generator().manual_seed(7)
    found = []
    for i in range(n):
        if rank is None:
            delta = torch.randn(shape, generator=g).double()
        else:
            left = torch.randn(shape[0], rank, generator=g).double()
            delta = left @ torch.randn(rank, shape[1], generator=g).double()
        found.append(delta * (0.1 + 0.05 * i))
    return found


def change(
    folder, method: Method, deltas, coefficients: float | tuple = 1.0, dtype=torch.float64,
    after=None,
) -> Tensor:  # fmt: skip
    """What a method adds to the base, with options of what is done after it."""
    save_model(folder / "base", {"dense.weight": torch.zeros_like(deltas[0], dtype=dtype)})
    for i, delta in enumerate(deltas):
        save_model(folder / f"t{i}", {"dense.weight": delta.to(dtype)})
    return _merged(folder, len(deltas), method, coefficients, after)


def change_of_adapters(folder, method: Method, deltas, rank) -> Tensor:
    """The same with every delta given as a LoRA adapter of the rank, alpha twice the rank."""
    save_model(folder / "base", {"dense.weight": torch.zeros_like(deltas[0], dtype=torch.float64)})
    for i, delta in enumerate(deltas):
        u, s, vh = torch.linalg.svd(delta, full_matrices=False)
        b = (u[:, :rank] * s[:rank] / 2).contiguous()
        save_adapter(folder / f"t{i}", {"dense": (vh[:rank].contiguous(), b)})
    return _merged(folder, len(deltas), method, 1.0)


def _merged(folder, n, method: Method, coefficients, after=None) -> Tensor:
    given = coefficients if isinstance(coefficients, tuple) else (coefficients,) * n
    tasks = tuple(TaskEntry(f"t{i}", str(folder / f"t{i}"), c) for i, c in enumerate(given))
    recipe = Recipe(str(folder / "base"), tasks, method.name, vars(method) | (after or {}))
    return merged_tensors(open_merge(recipe))["dense.weight"]
