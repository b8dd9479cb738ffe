"""Average: the mean of the fine-tuned models (a uniform model soup)."""

from dataclasses import dataclass, replace
from typing import ClassVar

from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.additive import Additive
from studio.methods.contract import Method


@dataclass(frozen=True)
class Average(Method):
    """base + sum_i c_i delta_i / n; with every c_i = 1 the plain mean of the n models.

    Source: Wortsman et al. 2022, Model soups (arXiv 2203.05482), uniform soup.
    """

    name: ClassVar[str] = "average"
    title: ClassVar[str] = "Average"
    plainly: ClassVar[str] = (
        "Adds the mean of the tasks' changes to the base: the plain average of the experts."
    )
    default_coefficient: ClassVar[float] = 1.0

    @property
    def carried(self) -> str:
        """The mean grows with what comes."""
        return "the merged model and the number of tasks"

    @property
    def additive(self) -> Additive:
        """The sum of the deltas."""
        return Additive(self.title, lambda sums: sums.deltas() / sums.tasks)

    def components(self, n: int, gram: Grams) -> Basis:
        """Each delta divided by the number of tasks."""
        raw = identity(n)
        return replace(raw, rows=raw.rows / n)
