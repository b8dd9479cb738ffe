"""The plane through the base and two experts, and where a model stands on it or beside it."""

import math
from dataclasses import dataclass

from torch import Tensor

from studio.errors import BadRecipe

_NO_PLANE = 1e-4  # sine of an angle below which two deltas are one line
Two = tuple[str, str]


@dataclass(frozen=True)
class Spot:
    """A model's place: its change of the base, projected at right angles onto the plane.

    Attributes:
        x: along the first delta, in its units of length.
        y: at a right angle to it, towards the second.
        outside: length of what the change has outside of the plane.
    """

    x: float
    y: float
    outside: float = 0.0

    @property
    def share(self) -> float:
        """0 to 1, how much of the change's length lies outside."""
        length = math.hypot(self.x, self.y, self.outside)
        return self.outside / length if length else 0.0


@dataclass(frozen=True)
class Plane:
    """base + a delta_1 + b delta_2, with the base as origin and axes at a right angle.

    Lengths and angles on it are those between the models themselves.

    Attributes:
        tasks: the two.
        lengths: of their deltas.
        cosine: of the two.
    """

    tasks: Two
    lengths: tuple[float, float]
    cosine: float

    @property
    def sine(self) -> float:
        """Of their angle."""
        return math.sqrt(max(1 - self.cosine**2, 0.0))

    def at(self, first: float, second: float) -> Spot:
        """Where so much of each delta leads."""
        one, other = first * self.lengths[0], second * self.lengths[1]
        return Spot(one + other * self.cosine, other * self.sine)

    def amounts(self, x: float, y: float) -> tuple[float, float]:
        """How much of each delta leads to a place."""
        other = y / self.sine
        return (x - other * self.cosine) / self.lengths[0], other / self.lengths[1]

    def spot(self, one: float, other: float, squared: float) -> Spot:
        """The place of a model.

        Args:
            one: inner product of its change with the first delta.
            other: with the second.
            squared: the change's own squared length.
        """
        x = one / self.lengths[0]
        y = (other / self.lengths[1] - x * self.cosine) / self.sine
        return Spot(x, y, math.sqrt(max(squared - x**2 - y**2, 0.0)))


def plane_of(tasks: Two, total: Tensor) -> Plane:
    """The plane of two deltas.

    Args:
        tasks: what they are called.
        total: ``(2, 2)`` inner products over the whole model.

    Raises:
        BadRecipe: they are one line, or one of them is none.

    Source: Li et al. 2018, Visualizing the loss landscape of neural nets (arXiv 1712.09913), for
    planes of weights; Garipov et al. 2018 (arXiv 1802.10026) for one through three models, with
    axes at a right angle.
    """
    lengths = tuple(max(float(total[i, i]), 0.0) ** 0.5 for i in (0, 1))
    if not all(lengths):
        raise BadRecipe(f"'{tasks[lengths.index(0.0)]}' changes nothing, so it spans no plane.")
    cosine = max(-1.0, min(float(total[0, 1]) / (lengths[0] * lengths[1]), 1.0))
    found = Plane(tasks, (lengths[0], lengths[1]), cosine)
    if found.sine < _NO_PLANE:
        raise BadRecipe(
            f"'{tasks[0]}' and '{tasks[1]}' point the same way (cosine {cosine:.6f}), so they span "
            "a line and no plane. Choose two other tasks."
        )
    return found
