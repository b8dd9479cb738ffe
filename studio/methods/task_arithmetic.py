"""Task arithmetic: the sum of the deltas, scaled."""

from dataclasses import dataclass
from typing import ClassVar

from studio.methods.contract import Scaled, scale_option


@dataclass(frozen=True)
class TaskArithmetic(Scaled):
    """base + scale sum_i c_i delta_i.

    Source: Ilharco et al. 2023, Editing models with task arithmetic (arXiv 2212.04089), Sec. 2.
    """

    name: ClassVar[str] = "task_arithmetic"
    title: ClassVar[str] = "Task arithmetic"
    default_coefficient: ClassVar[float] = 0.3

    scale: float = scale_option("Multiplies every coefficient.")

    @property
    def carried(self) -> str:
        """What comes is added."""
        return "the merged model"
