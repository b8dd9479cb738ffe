"""Task arithmetic: the sum of the deltas, scaled."""

from dataclasses import dataclass, replace
from typing import ClassVar

from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Method, option


@dataclass(frozen=True)
class TaskArithmetic(Method):
    """base + scale sum_i c_i delta_i.

    Source: Ilharco et al. 2023, Editing models with task arithmetic (arXiv 2212.04089), Sec. 2.
    """

    name: ClassVar[str] = "task_arithmetic"
    title: ClassVar[str] = "Task arithmetic"
    default_coefficient: ClassVar[float] = 0.3

    scale: float = option(1.0, "Multiplies every coefficient.", low=-10.0, high=10.0)

    def components(self, n: int, gram: Grams) -> Basis:
        """Each delta times the common scale."""
        raw = identity(n)
        return replace(raw, rows=raw.rows * self.scale)
