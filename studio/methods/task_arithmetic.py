"""Task arithmetic: the sum of the deltas, scaled."""

from dataclasses import dataclass
from typing import ClassVar

from studio.methods.additive import Additive
from studio.methods.contract import Scaled, scale_option


@dataclass(frozen=True)
class TaskArithmetic(Scaled):
    """base + scale sum_i c_i delta_i.

    Source: Ilharco et al. 2023, Editing models with task arithmetic (arXiv 2212.04089), Sec. 2.
    """

    name: ClassVar[str] = "task_arithmetic"
    title: ClassVar[str] = "Task arithmetic"
    plainly: ClassVar[str] = "Adds every task's change to the base, each with its own weight."
    default_coefficient: ClassVar[float] = 0.3

    scale: float = scale_option("One number that multiplies the weights of all tasks.")

    @property
    def carried(self) -> str:
        """What comes is added."""
        return "the merged model"

    @property
    def additive(self) -> Additive:
        """The sum of the deltas."""
        return Additive(self.title, lambda sums: sums.deltas() * self.scale)
