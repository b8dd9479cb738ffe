"""DELLA: drop entries of every delta at random, small ones likelier, and rescale what is left."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from studio.errors import BadRecipe
from studio.methods.contract import Given, option
from studio.methods.dare import RANGE, Dare, drawn


@dataclass(frozen=True)
class Della(Dare):
    """base + sum_i c_i dropped_i: as DARE, with probabilities that fall with the magnitude.

    An entry goes with probability drop + epsilon (1 - 2 r), where r is the rank of its magnitude
    in its row, from 0 of the smallest to 1 of the largest; a vector is one row, equal magnitudes
    rank by their place. What is left is divided by its own probability to stay; or, with rescale
    norm, multiplied in every tensor so that its L1 norm is the delta's. The numbers drawn, and
    the election, are those of DARE, which it is with epsilon 0.

    Source: Deep et al. 2024, DELLA-Merging (arXiv 2406.11617), MagPrune; epsilon, the norm and
    the election (della) as in mergekit.
    """

    name: ClassVar[str] = "della"
    title: ClassVar[str] = "DELLA"
    plainly: ClassVar[str] = (
        "Drops entries of each task's change by chance, small ones more often than large ones, and "
        "enlarges the rest."
    )

    epsilon: float = option(
        0.15,
        "How much more often small numbers are thrown away than large ones.",
        label="favor to large ones",
        exactly="How much likelier the smallest entry of a row goes.",
        low=0.0,
        high=0.499,
    )

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        low, high = self.drop - self.epsilon, self.drop + self.epsilon
        if self.epsilon and not 0.0 < low < high < 1.0:
            raise BadRecipe(
                f"della: epsilon is {self.epsilon:g} and drop {self.drop:g}; drop - epsilon and "
                "drop + epsilon must lie between 0 and 1."
            )

    @property
    def common_factor(self) -> float:
        """None: every entry has its own."""
        return 1.0

    def kept(self, given: Given, name: str, task: int, start: int, stop: int) -> Tensor:
        """See ``Dare``; the entries' rows are read whole, since ranks are taken over them."""
        tensor, dtype = given.deltas.at(name), given.deltas.dtype
        width = tensor.numel // tensor.shape[0] if len(tensor.shape) > 1 else tensor.numel
        first, last = start // width, -(-stop // width)
        delta = tensor.delta(task, first * width, last * width, dtype)
        assert delta is not None, "asked only of tasks that change the tensor"
        offset = first * width
        drops = self._drops(delta.view(-1, width)).flatten()[start - offset : stop - offset]
        numbers = drawn(given.seed, given.deltas.tasks[task], name, start, stop)
        stand = torch.from_numpy(numbers.astype(np.float64)) >= (drops * RANGE).round()
        return stand if self.rescale == "norm" else (stand / (1.0 - drops)).to(dtype)

    def _drops(self, rows: Tensor) -> Tensor:
        """``(rows, width)`` float64 probabilities to go."""
        order, width = rows.abs().argsort(dim=1, stable=True), rows.shape[1]
        if width == 1:
            return torch.full(rows.shape, self.drop, dtype=torch.float64)
        share = torch.arange(width, dtype=torch.float64) / (width - 1)
        drops = self.drop + self.epsilon * (1.0 - 2.0 * share)
        return torch.empty_like(rows, dtype=torch.float64).scatter_(1, order, drops.expand_as(rows))
