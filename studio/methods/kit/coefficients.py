"""The coefficients of a recipe, tensor by tensor."""

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, Deltas
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


def coefficients_at(recipe: Recipe, name: str, default: float) -> list[float]:
    """The recipe's coefficient of every task at one tensor, whether or not the task changes it."""
    chosen = (default if t.coefficient is None else t.coefficient for t in recipe.tasks)
    return [each.of(name) if isinstance(each, GroupedCoefficient) else each for each in chosen]


def refuse_negative(deltas: AnyDeltas, values: Tensor, title: str) -> None:
    """Refuse coefficients that are no weights.

    Args:
        deltas: of n tasks over T tensors.
        values: ``(T, n)`` coefficients.
        title: of the method.

    Raises:
        BadRecipe: one is below 0, naming its task.
    """
    for task, column in zip(deltas.tasks, values.unbind(1), strict=True):
        if bool((column < 0).any()):
            raise BadRecipe(
                f"{title}: coefficients are weights of a mean, so none may be below 0; '{task}' "
                f"has {float(column.min()):g}. Use at least 0."
            )


def _refuse_idle_patterns(task: str, chosen: GroupedCoefficient, names: tuple[str, ...]) -> None:
    used = [GroupedCoefficient(0.0, ((pattern, 1.0),)) for pattern, _ in chosen.groups]
    for single in used:
        if not any(single.of(name) for name in names):
            raise BadRecipe(
                f"The coefficient group '{single.groups[0][0]}' of '{task}' matches none of the "
                f"{len(names)} tensors that it changes; {next(iter(names), 'none')} is one."
            )
