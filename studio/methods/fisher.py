"""Fisher: parameters averaged by how certain each expert is of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas
from studio.checkpoints.vectors import DerivedVectors, Room, Vectors
from studio.methods.contract import FISHER, Given, Measured, Scaled, option, scale_option
from studio.methods.kit.coefficients import refuse_negative

FLOOR = 1e-6
"""Added to every Fisher information, so that no parameter is without a weight."""


@dataclass(frozen=True)
class Fisher(Scaled):
    """base + scale sum_i c_i w_i delta_i / sum_j c_j w_j per parameter, w_i = l_i (F_i + 1e-6).

    F_i is the diagonal empirical Fisher information of expert i: the mean, over validation rows
    of its own task, of the squared gradient of log p(right label) at the expert's parameters.
    Coefficients are relative weights: the same factor on all of them changes nothing, they must
    not be negative, and a parameter of which all are 0 keeps the base's value. A task counts in
    the divisor of tensors that it left alone, too: it is certain of the base's value there. A
    tensor that no gradient reaches counts with 1e-6 alone, which gives the weighted mean. l_i is
    1, or with ``normalize`` 1 / (norm of F_i over all merged tensors + 1e-6): all experts then have
    a like say, but one that is sure of every row, whose F_i is far below 1e-6, has nearly all of
    it.

    Source: Matena and Raffel 2022, Merging models with Fisher-weighted averaging
    (arXiv 2111.09832); floor and normalization as in FusionBench.
    """

    name: ClassVar[str] = "fisher"
    title: ClassVar[str] = "Fisher"
    plainly: ClassVar[str] = (
        "Averages every number by how much each expert's own answers depend on it."
    )
    default_coefficient: ClassVar[float] = 1.0
    needs: ClassVar[str] = FISHER

    normalize: bool = option(
        False,
        "Whether tasks are brought to one scale first, so that no sure expert drowns the others.",
        label="even tasks",
        exactly="Weigh every task's Fisher information by its inverse norm.",
    )
    rows: int = option(
        256,
        "How many validation rows of each task are read to see which numbers matter.",
        label="rows read",
        exactly="Most validation rows per task.",
        low=1,
        high=100_000,
        whole=True,
    )
    scale: float = scale_option()

    @property
    def derives(self) -> bool:
        """A share is weighed element by element."""
        return True

    @property
    def weighs(self) -> bool:
        """The divisor holds all coefficients."""
        return True

    @property
    def measured_rows(self) -> int:
        """As the option says."""
        return self.rows

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each task's share of the merged change, before its coefficient."""
        refuse_negative(given.deltas, given.coefficients, self.title)
        measured = given.measured
        assert measured is not None, "a merge refuses a method whose needs are not measured"
        factors = [1.0] * len(given.deltas)
        if self.normalize:
            factors = [1 / (_norm(given, task) + FLOOR) for task in given.deltas.tasks]

        def weighed(tensor: Vectors) -> Vectors:
            information = _Information(measured, given.deltas.tasks, tensor.name)
            scales = tuple(zip(given.weights(tensor.name), factors, strict=True))
            return _Shares(tensor, information, scales)

        return DerivedDeltas(given.deltas, weighed)


def _norm(given: Given, task: str) -> float:
    """Euclidean norm of a task's Fisher information over all merged tensors, in float64."""
    assert given.measured is not None
    total = 0.0
    for name in given.deltas.names:
        found = given.measured(task, name)
        if found is not None:
            total += float(found.double().square().sum())
    return math.sqrt(total)


class _Information:
    """All tasks' Fisher information of one tensor, read when the first piece is asked for."""

    def __init__(self, measured: Measured, tasks: tuple[str, ...], name: str) -> None:
        self._from = measured, tasks, name

    @cached_property
    def flat(self) -> tuple[Tensor | None, ...]:
        """Per task a flat tensor; None where it has none."""
        measured, tasks, name = self._from
        found = (measured(task, name) for task in tasks)
        return tuple(None if each is None else each.reshape(-1) for each in found)

    def piece(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Elements of one task's, with the floor, in memory of their own."""
        whole = self.flat[task]
        if whole is None:
            return torch.full((stop - start,), FLOOR, dtype=dtype)
        return whole[start:stop].to(dtype) + FLOOR


@dataclass(frozen=True)
class _Shares(DerivedVectors):
    """The tasks' shares of one tensor.

    Attributes:
        information: how certain each task is of every element.
        scales: per task its coefficient and what its information is multiplied by.
    """

    information: _Information
    scales: tuple[tuple[float, float], ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        divisor, chosen = self._divisor(start, stop, dtype), self.chosen(tasks)
        found = self.raw.vectors(start, stop, dtype, room, chosen)
        for task, delta in zip(chosen, found, strict=True):
            if delta is None:
                yield None
            else:
                yield delta * self._weight(task, start, stop, dtype) / divisor

    def _weight(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        return self.information.piece(task, start, stop, dtype) * self.scales[task][1]

    def _divisor(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Sum of the weights times their coefficients; 1 where no task counts."""
        total = torch.zeros(stop - start, dtype=dtype)
        for task, (coefficient, _) in enumerate(self.scales):
            if coefficient != 0.0:
                total += self._weight(task, start, stop, dtype) * coefficient
        return total.masked_fill_(total == 0, 1.0)
