"""Methods of two tasks: a place on the way from one model to the other."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas
from studio.errors import BadRecipe
from studio.methods.contract import Given
from studio.methods.whole import Entries, Whole

NEARLY_PARALLEL = 0.9995
"""Absolute cosine above which SLERP takes the straight line instead of the arc."""
PARALLEL = 1.0 - 1e-15
"""Cosine that is 1 within rounding; below, the arc is well defined."""


@dataclass(frozen=True)
class Pair(Whole):
    """base + scale * change, at the share t = c_2 / (c_1 + c_2) of the way from task 1 to task 2.

    Only the ratio of the coefficients counts, in every tensor; where both are 0 the base is left.
    One task alone is the end of the way: its model.
    """

    most_tasks: ClassVar[int | None] = 2

    def vectors(self, given: Given) -> DerivedDeltas:
        """The merged change.

        Raises:
            BadRecipe: there are more than two tasks, or their coefficients cancel.
        """
        self._refuse(given)
        return super().vectors(given)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """A step along the way; the whole delta of a single task."""
        raw = replace(entries, weights=[1.0] * len(entries))
        if len(entries) == 1:
            return raw.sum()
        first, second = entries.weights
        return self.between(raw, second / (first + second), given)

    def between(self, raw: Entries, t: float, given: Given) -> Tensor:
        """``(out, in)`` what is added to the base, of two raw deltas of a tensor.

        Args:
            raw: both deltas; one of them may be None, where a task leaves the tensor alone.
            t: 0 is the first model, 1 the second.
            given: what the method is given.
        """
        raise NotImplementedError

    def _refuse(self, given: Given) -> None:
        tasks = given.deltas.tasks
        if len(tasks) > 2:
            raise BadRecipe(
                f"{self.title} merges two tasks, and the recipe has {len(tasks)} "
                f"({', '.join(tasks)}). Leave out all but two, merge two and then a third with "
                "the result, or choose a method of any number, such as task_arithmetic or average."
            )
        for name, weights in zip(given.deltas.names, given.coefficients.tolist(), strict=True):
            if any(weights) and sum(weights) == 0.0:
                both = " and ".join(
                    f"'{task}' ({weight:g})" for task, weight in zip(tasks, weights, strict=True)
                )
                raise BadRecipe(
                    f"{self.title}: the coefficients of {both} cancel in {name}, so they name no "
                    "place between the two; 1 and 1 is halfway, 0.75 and 0.25 is nearer to the "
                    "first."
                )


def arc(cosine: float, t: float, parallel: float = NEARLY_PARALLEL) -> tuple[float, float]:
    """What two vectors are multiplied by at the share t of the arc between them.

    Args:
        cosine: of the two; below -0.9995 a straight line joins them. 1 where one of them is zero
            and so has no angle.
        t: 0 is the first vector, 1 the second.
        parallel: cosine above which a straight line joins them, too.

    Source: Shoemake 1985, Animating rotation with quaternion curves, Slerp.
    """
    if not -NEARLY_PARALLEL <= cosine <= parallel:
        return 1.0 - t, t
    angle = math.acos(cosine)
    return math.sin((1.0 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
