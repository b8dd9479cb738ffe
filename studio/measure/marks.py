"""Marks: what a model's answer to every question of a task is worth, right or wrong, or in nats."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from studio.measure.intervals import Score, loss_score, score, share
from studio.tasks.metric import ACCURACY, AGREEMENT, OPTIONS, Metric


@dataclass(frozen=True)
class Marks:
    """One model's answers to the questions of one task.

    Attributes:
        values: ``(q,)`` float64: 1 right and 0 wrong, or the nats of a loss; NaN where a question
            was not asked.
        metric: that they are summed to.
        units: ``(q,)`` of a loss: what it is shared among, such as the tokens that count.
        sizes: ``(q,)`` of a loss: bytes of the text that it is of.
        besides: of questions with options: by name ``(q, 2)``, the sums of a share
            that stands beside it.
    """

    values: np.ndarray
    metric: Metric = ACCURACY
    units: np.ndarray | None = None
    sizes: np.ndarray | None = None
    besides: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def seen(self) -> np.ndarray:
        """``(q,)`` whether a question was asked."""
        return ~np.isnan(self.values)

    def at(self, chosen: np.ndarray) -> "Marks":
        """Those of some questions, by their indices or by a mask."""
        units, sizes = (x if x is None else x[chosen] for x in (self.units, self.sizes))
        besides = {name: sums[chosen] for name, sums in self.besides.items()}
        return Marks(self.values[chosen], self.metric, units, sizes, besides)

    def score(self, groups: np.ndarray | None) -> Score:
        """Their score with its interval; beside an agreement stands nothing.

        An F1 or an accuracy by another norm would be of the expert's answers, not of what is right.

        Args:
            groups: ``(q,)`` labels of questions that belong together; None if independent.
        """
        if self.metric in OPTIONS:
            known = {} if self.metric is AGREEMENT else self.besides
            found = (share(name, sums, groups) for name, sums in known.items())
            besides = tuple(each for each in found if each)
            return replace(score(self.values, groups), metric=self.metric, besides=besides)
        assert self.units is not None
        assert self.sizes is not None
        return loss_score(self.values, self.units, self.sizes, groups)
