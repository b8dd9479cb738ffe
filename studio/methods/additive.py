"""What a method needs of its tasks as sums over them, so that a task comes and goes by algebra."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.errors import BadRecipe
from studio.geometry.exact_product import exact_product

DELTAS, LEFT, RIGHT = "deltas", "left", "right"
KINDS = (DELTAS, LEFT, RIGHT)
"""``sum c_i D_i``, ``sum w_i K_i`` and ``sum K_i c_i D_i``, with a metric K_i of each task."""


@dataclass(frozen=True)
class Place:
    """A tensor of the base, as far as a sum has to know it.

    Attributes:
        name: of the tensor.
        shape: of the tensor.
        turned: whether it is stored as (in, out).
    """

    name: str
    shape: tuple[int, ...]
    turned: bool

    @property
    def matrix(self) -> tuple[int, int]:
        """``(rows, columns)`` as stored; all but the first dimension are columns."""
        rows = self.shape[0] if self.shape else 1
        return rows, torch.Size(self.shape[1:]).numel()

    def inputs_first(self, stored: Tensor, groups: int) -> Tensor:
        """``(groups, in, out / groups)`` of a flat tensor."""
        matrix = stored.view(self.matrix)
        return torch.stack((matrix if self.turned else matrix.T).chunk(groups, 1))

    def flat(self, inputs_first: Tensor) -> Tensor:
        """The flat tensor of ``(groups, in, out / groups)``."""
        matrix = torch.cat(list(inputs_first), 1)
        return (matrix if self.turned else matrix.T).reshape(-1)


@dataclass(frozen=True)
class Sums:
    """The sums of one tensor over the n tasks of a state, in float64.

    Attributes:
        place: of the tensor.
        deltas: makes the flat sum of ``c_i D_i``.
        left: makes ``(groups, in, in)``, the sum of ``w_i K_i``.
        right: makes ``(groups, in, out / groups)``, the sum of ``K_i c_i D_i``, inputs first.
        tasks: n.
        weight: sum of the c_i.
        present: how many tasks change the tensor.
        known: how many tasks have a K_i.
    """

    place: Place
    deltas: Callable[[], Tensor]
    left: Callable[[], Tensor]
    right: Callable[[], Tensor]
    tasks: int
    weight: float
    present: int
    known: int

    def deltas_inputs_first(self, groups: int) -> Tensor:
        """The sum of the deltas as ``right`` is laid out."""
        return self.place.inputs_first(self.deltas(), groups)


@dataclass(frozen=True)
class Additive:
    """A method whose merged change of a tensor follows from sums over its tasks.

    This one needs the sum of the deltas alone.

    Attributes:
        title: of the method.
        solve: the merged change, flat, of the sums.
        metric: ``(groups, in, in)`` K_i of ``(1, in, out)`` c_i D_i, or of what was measured.
    """

    title: str
    solve: Callable[[Sums], Tensor]

    measured: ClassVar[bool] = False
    """Whether K_i is made of what was measured on rows."""
    weighs: ClassVar[bool] = False
    """Whether w_i is c_i, which then must not be negative; else it is 1."""
    bits: ClassVar[tuple[int, int, int, int]] = (44, 0, 0, 0)
    """Bits behind the point of the sums of deltas, which have units of the base's largest number;
    of left, and with how many such units it grows; of right, which has one such unit more."""

    def has_metric(self, place: Place) -> bool:
        """Whether K_i is made of the delta of a tensor."""
        return False

    def metric(self, given: Tensor, whose: str) -> Tensor:
        """K_i of what was measured, or of the delta ``(1, in, out)`` times its coefficient."""
        raise NotImplementedError

    def units(self, largest: int, coarser: int) -> dict[str, int]:
        """Exponents of the units of a tensor's sums.

        Args:
            largest: exponent of the base's largest number in the tensor.
            coarser: added to all of them.
        """
        deltas, left, power, right = self.bits
        return {
            DELTAS: largest - deltas + coarser,
            LEFT: power * largest - left + coarser,
            RIGHT: (power + 1) * largest - right + coarser,
        }

    def refuse(self, name: str, coefficient: float) -> None:
        """Refuse a coefficient with which a task cannot come.

        Raises:
            BadRecipe: it is 0, or below 0 where coefficients are weights.
        """
        if coefficient == 0.0:
            raise BadRecipe(
                f"'{name}' has the coefficient 0, with which it would not arrive; leave it out."
            )
        if self.weighs and coefficient < 0.0:
            raise BadRecipe(
                f"{self.title}: coefficients are weights of a mean, so none may be below 0; "
                f"'{name}' has {coefficient:g}. Use more than 0."
            )


@dataclass(frozen=True)
class MeasuredAdditive(Additive):
    """With K_i made of the Gram of a layer's inputs, ``E[x x^T]``.

    Attributes:
        gram: K_i of a measured Gram; told whose it is, for people.
    """

    gram: Callable[[Tensor, str], Tensor]

    measured: ClassVar[bool] = True
    bits: ClassVar[tuple[int, int, int, int]] = (44, 36, 0, 42)

    def metric(self, given: Tensor, whose: str) -> Tensor:
        """See ``Additive``."""
        return self.gram(given, whose)


@dataclass(frozen=True)
class WeighedAdditive(MeasuredAdditive):
    """The same with K_i times the coefficient in ``left``."""

    weighs: ClassVar[bool] = True


def _whole(delta: Tensor) -> Tensor:
    return delta


@dataclass(frozen=True)
class RowAdditive(Additive):
    """With K_i = R_i^T R_i / |R_i|^2, the delta's rows in the place of its layer's inputs.

    Attributes:
        matrices: whether a tensor of this name and shape has a K_i; others are summed alone.
        rows: R_i of ``(1, in, out)`` c_i D_i, of the same shape.
    """

    matrices: Callable[[str, tuple[int, ...]], bool]
    rows: Callable[[Tensor], Tensor] = _whole

    bits: ClassVar[tuple[int, int, int, int]] = (44, 50, 0, 52)
    normalized: ClassVar[bool] = True
    """Whether K_i is divided by |R_i|^2."""

    def has_metric(self, place: Place) -> bool:
        """See ``Additive``."""
        return self.matrices(place.name, place.shape)

    def metric(self, given: Tensor, whose: str) -> Tensor:
        """See ``Additive``; 0 of a delta that is 0."""
        rows = self.rows(given)
        products = exact_product(rows, rows.mT)
        energy = math.fsum(products.diagonal(dim1=-2, dim2=-1).reshape(-1).tolist())
        return products / energy if energy and self.normalized else products


@dataclass(frozen=True)
class LongRowAdditive(RowAdditive):
    """The same with K_i = R_i^T R_i."""

    bits: ClassVar[tuple[int, int, int, int]] = (44, 50, 2, 52)
    normalized: ClassVar[bool] = False


def no_sum(title: str) -> BadRecipe:
    """The error for a method that cannot let a task go."""
    return BadRecipe(
        f"{title}: what it needs of its tasks is no sum over them, so no state of constant size "
        "can let one go. Choose another method, or merge by a recipe."
    )
