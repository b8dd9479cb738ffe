"""Statistics of experts for tests that have no rows: drawn, or from the golden files."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from studio.merge import Merge, open_merge
from studio.methods import method
from studio.methods.contract import Measured
from studio.recipe import Recipe
from tests.conftest import golden


def opened(recipe: Recipe) -> Merge:
    """A merge with drawn statistics where its method needs some."""
    merge = open_merge(recipe)
    if not method(recipe.method, recipe.options).measures:
        return merge
    return replace(merge, measured=drawn(merge))


def drawn(merge: Merge) -> Callable[[str, int], Measured]:
    """Positive Fishers of every tensor, and Grams of its matrices, by task and name alone."""

    def of(kind: str, rows: int) -> Measured:
        def look(task: str, name: str) -> Tensor | None:
            seed = sum(map(ord, f"{task} {name}"))
            generator = torch.Generator().manual_seed(seed)
            shape = merge.base.weights.entries[name].shape
            if kind == "fisher":
                return torch.rand(shape, generator=generator)
            if len(shape) != 2 or "embeddings" in name:
                return None
            inputs = torch.randn(40, shape[1], generator=generator)
            return inputs.T @ inputs / 40

        return look

    return of


def from_golden(file: str) -> Callable[[str, int], Measured]:
    """The statistics that a reference was given."""

    def of(kind: str, rows: int) -> Measured:
        def look(task: str, name: str) -> Tensor | None:
            found = golden(file, f"{kind}{task.removeprefix('task')}/")
            return found.get(name if kind == "fisher" else name.removesuffix(".weight"))

        return look

    return of
