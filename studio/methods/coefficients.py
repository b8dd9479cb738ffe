"""The coefficients of a recipe, tensor by tensor."""

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.errors import BadRecipe
from studio.recipe import GroupedCoefficient, Recipe


def coefficients(recipe: Recipe, deltas: Deltas, default: float) -> Tensor:
    """The recipe's coefficients per tensor.

    Args:
        recipe: of n tasks.
        deltas: of them, over T tensors.
        default: of the method, where the recipe leaves a coefficient out.

    Returns:
        ``(T, n)`` float64.

    Raises:
        BadRecipe: a group's pattern matches no tensor.
    """
    names, columns = deltas.names, []
    for task, join in zip(recipe.tasks, deltas.joins, strict=True):
        chosen = default if task.coefficient is None else task.coefficient
        if isinstance(chosen, GroupedCoefficient):
            _refuse_idle_patterns(task.name, chosen, tuple(join.shared))
            columns.append([chosen.of(name) for name in names])
        else:
            columns.append([chosen] * len(names))
    return torch.tensor(columns, dtype=torch.float64).reshape(len(columns), len(names)).T


def _refuse_idle_patterns(task: str, chosen: GroupedCoefficient, names: tuple[str, ...]) -> None:
    used = [GroupedCoefficient(0.0, ((pattern, 1.0),)) for pattern, _ in chosen.groups]
    for single in used:
        if not any(single.of(name) for name in names):
            raise BadRecipe(
                f"The coefficient group '{single.groups[0][0]}' of '{task}' matches none of the "
                f"{len(names)} tensors that it changes; {next(iter(names), 'none')} is one."
            )
