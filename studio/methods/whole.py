"""Whole methods: one merged change of all tasks, formed tensor by tensor, and no part per task."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas, Transform
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.vectors import Dense, Room, Vectors, pieces
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis
from studio.geometry.subspaces import is_matrix
from studio.methods.contract import Given, Scaled, scale_option

_PIECE = 2**18


@dataclass(frozen=True)
class Entries:
    """The n weighted deltas ``c_i delta_i`` of one tensor, made dense one at a time.

    Attributes:
        tensor: the raw deltas.
        weights: the n coefficients.
        dtype: in which all is computed.
    """

    tensor: Vectors
    weights: list[float]
    dtype: torch.dtype

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def name(self) -> str:
        """Of the tensor."""
        return self.tensor.name

    @property
    def is_matrix(self) -> bool:
        """Whether it maps one space to another: no vector, no embedding table."""
        return is_matrix(self.tensor.name, self.tensor.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """``(out, in)``; a convolution counts as (out, rest), a vector as (length, 1)."""
        out = self.tensor.shape[0] if self.tensor.shape else 1
        return out, prod(self.tensor.shape[1:])

    @property
    def present(self) -> tuple[int, ...]:
        """The tasks that change the tensor."""
        pairs = zip(self.weights, self.tensor.present, strict=True)
        return tuple(i for i, (weight, present) in enumerate(pairs) if weight and present)

    def delta(self, task: int) -> Tensor | None:
        """``(out, in)`` c_i delta_i in memory of its own; None where the task changes nothing."""
        if task not in self.present:
            return None
        made = torch.empty(self.tensor.numel, dtype=self.dtype)
        for start, stop in pieces(self.tensor.numel, _PIECE):
            piece = self.tensor.delta(task, start, stop, self.dtype)
            assert piece is not None
            made[start:stop] = piece
        return made.mul_(self.weights[task]).view(self.shape)

    def factors(self, task: int) -> Factors | None:
        """c_i delta_i as low-rank factors; None where it has none or changes nothing."""
        found = self.tensor.factors[task] if task in self.present else None
        return found and replace(found, scale=found.scale * self.weights[task])

    def summed_factors(self) -> Factors | None:
        """Their sum as float64 factors whose ranks are added.

        None if some change has no factors, or if the ranks add up to no less than the matrix's.
        """
        tasks = self.present
        found = [each for each in map(self.factors, tasks) if each is not None]
        rank = sum(len(each.a) for each in found)
        if len(found) < len(tasks) or rank >= min(self.shape):
            return None
        b = torch.cat([each.b.double() * each.scale for each in found], 1)
        return Factors(b, torch.cat([each.a.double() for each in found]), 1.0)

    def deltas(self) -> Iterator[Tensor | None]:
        """Every c_i delta_i, one after another; hold few of them."""
        return (self.delta(task) for task in range(len(self)))

    def base(self) -> Tensor:
        """``(out, in)`` the base's elements, in memory of their own."""
        whole = self.tensor.base_piece(0, self.tensor.numel, self.dtype, Room())
        return whole.clone().view(self.shape)

    def sum(self) -> Tensor:
        """``(out, in)`` sum of the weighted deltas in order; none of them is made whole."""
        total = torch.zeros(self.tensor.numel, dtype=self.dtype)
        for start, stop in pieces(self.tensor.numel, _PIECE):
            for task in self.present:
                piece = self.tensor.delta(task, start, stop, self.dtype)
                assert piece is not None
                total[start:stop].add_(piece * self.weights[task])
        return total.view(self.shape)

    def mean(self) -> Tensor:
        """``(out, in)`` their sum divided by n: what spectral methods do to vectors."""
        return self.sum().div_(len(self))


@dataclass(frozen=True)
class Whole(Scaled):
    """merged = base + scale * change, with one change that a subclass forms of ``c_i delta_i``."""

    has_components: ClassVar[bool] = False

    scale: float = scale_option()

    @property
    def derives(self) -> bool:
        """The change is no combination of the raw deltas."""
        return True

    @property
    def weighs(self) -> bool:
        """It depends on the coefficients."""
        return True

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The merged change of one tensor, ``(out, in)`` in the entries' dtype, before the scale.

        Asked only if some coefficient of the tensor is not 0.
        """
        raise NotImplementedError

    def factor(self, given: Given, change: AnyDeltas) -> float:
        """What the whole change is multiplied by."""
        return self.scale

    def growth(self, factor: float) -> float | None:
        """What the sum was divided by before the scale; None also where all became 0."""
        return self.scale / factor if self.keeps_sum and factor else None

    def components(self, n: int, gram: Grams) -> Basis:
        """One for all tasks together."""
        one = torch.ones(1, 1, 1, dtype=torch.float64)
        return Basis(one, "model", None, torch.ones(1, dtype=torch.float64))

    def vectors(self, given: Given) -> DerivedDeltas:
        """The merged change in the place of the deltas."""
        return DerivedDeltas(given.deltas, self.transform(given, self.change), combined=True)

    def transform(self, given: Given, change: Callable[[Entries, Given], Tensor]) -> Transform:
        """How ``change`` makes one vector of the deltas of a tensor."""

        def combine(tensor: Vectors) -> Dense:
            weights = given.weights(tensor.name)
            made = None
            if any(weights):
                made = change(Entries(tensor, weights, given.deltas.dtype), given).reshape(-1)
            return Dense(tensor.name, tensor.shape, tensor.base, (made,))

        return combine
