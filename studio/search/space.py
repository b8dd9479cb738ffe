"""The space of a search: which coefficients are free, and how points of it become recipes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.geometry import scopes
from studio.recipe import Coefficient, GroupedCoefficient, Recipe

GRANULARITIES = ("task", "group", "tensor")
DECIMALS = 4  # of a coefficient that was found: more would change no score
_SCOPES = {"task": "model", "group": "layer", "tensor": "tensor"}


@dataclass(frozen=True)
class Space:
    """The free coefficients of n tasks over T tensors: one per task and group of tensors.

    Attributes:
        tasks: the n names.
        names: the T tensors.
        granularity: 'task', 'group' (the tensors of a layer share a coefficient) or 'tensor'.
        changed: per task the tensors that its own checkpoint changes.
    """

    tasks: tuple[str, ...]
    names: tuple[str, ...]
    granularity: str
    changed: tuple[frozenset[str], ...]

    @property
    def scope(self) -> str:
        """That of the groups."""
        return _SCOPES[self.granularity]

    @cached_property
    def places(self) -> tuple[tuple[int, str], ...]:
        """Of every free coefficient its task's index and its group's label; p of them."""
        labels = scopes.labels(self.names, self.scope)
        found: dict[tuple[int, str], None] = {}
        for task, changed in enumerate(self.changed):
            for name, label in zip(self.names, labels, strict=True):
                if name in changed:
                    found[task, label] = None
        return tuple(found)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def words(self) -> tuple[str, ...]:
        """Of every free coefficient what it is of."""
        return tuple(
            self.tasks[task] if self.granularity == "task" else f"{self.tasks[task]}, {label}"
            for task, label in self.places
        )

    def of_task(self, point: Sequence[float], task: str) -> list[float]:
        """A task's free coefficients."""
        index = self.tasks.index(task)
        return [x for (owner, _), x in zip(self.places, point, strict=True) if owner == index]

    def spread(self, point: Tensor) -> Tensor:
        """``(T, n)`` coefficients of every tensor, of ``(p,)`` free ones.

        In a tensor that a task leaves alone, its coefficient is the mean of its free ones: an
        orthogonalized component may hold other tasks' deltas there.
        """
        sums = torch.zeros(len(self.tasks), dtype=torch.float64)
        means = sums.index_add(0, self._owners, point) / self._counts
        return torch.cat([point, means])[self._index]

    def gathered(self, slopes: Tensor) -> Tensor:
        """``(p,)`` derivatives by the free coefficients, of ``(T, n)`` by those of tensors."""
        size = len(self) + len(self.tasks)
        found = torch.zeros(size, dtype=torch.float64)
        found.index_add_(0, self._index.flatten(), slopes.flatten())
        idle = found[len(self) :] / self._counts
        return found[: len(self)] + idle[self._owners]

    def averaged(self, coefficients: Tensor) -> Tensor:
        """``(p,)`` the free coefficients nearest to ``(T, n)``: means over each group."""
        size = len(self) + len(self.tasks)
        sums, counts = (torch.zeros(size, dtype=torch.float64) for _ in range(2))
        sums.index_add_(0, self._index.flatten(), coefficients.flatten())
        counts.index_add_(0, self._index.flatten(), torch.ones_like(coefficients).flatten())
        return (sums / counts.clamp(min=1))[: len(self)]

    def recipe(self, recipe: Recipe, point: Tensor) -> Recipe:
        """The recipe with the coefficients of a point, which is rounded, see ``rounded``."""
        values = rounded(point).tolist()
        return recipe.with_coefficients(
            {name: self._coefficient(task, values) for task, name in enumerate(self.tasks)}
        )

    @cached_property
    def _owners(self) -> Tensor:
        """``(p,)`` index of the task of every free coefficient."""
        return torch.tensor([task for task, _ in self.places], dtype=torch.long)

    @cached_property
    def _counts(self) -> Tensor:
        """``(n,)`` how many free coefficients a task has, at least 1."""
        counts = torch.bincount(self._owners, minlength=len(self.tasks))
        return counts.clamp(min=1).double()

    @cached_property
    def _index(self) -> Tensor:
        """``(T, n)`` which free coefficient counts; p + i for the mean of those of task i."""
        labels = scopes.labels(self.names, self.scope)
        known = {place: k for k, place in enumerate(self.places)}
        n, p = len(self.tasks), len(self)
        rows = [[known.get((task, label), p + task) for task in range(n)] for label in labels]
        return torch.tensor(rows, dtype=torch.long).view(len(self.names), n)

    def _coefficient(self, task: int, values: Sequence[float]) -> Coefficient:
        own = {
            label: x for (owner, label), x in zip(self.places, values, strict=True) if owner == task
        }
        if self.granularity == "task" or not own:
            return next(iter(own.values()), 0.0)
        names = tuple(name for name in self.names if name in self.changed[task])
        patterns = scopes.patterns(names, self.scope)
        groups = tuple((pattern, own[label]) for label, pattern in patterns.items())
        return GroupedCoefficient(round(math.fsum(own.values()) / len(own), DECIMALS), groups)


def space(deltas: Deltas, granularity: str) -> Space:
    """The free coefficients of some deltas."""
    changed = tuple(frozenset(join.shared) for join in deltas.joins)
    return Space(deltas.tasks, deltas.names, granularity, changed)


def rounded(point: Tensor) -> Tensor:
    """A point as it would stand in a recipe; what is kept was measured there."""
    return torch.tensor([round(x, DECIMALS) + 0.0 for x in point.tolist()], dtype=torch.float64)
