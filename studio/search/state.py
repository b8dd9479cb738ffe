"""A search: what every optimizer starts from, the steps that it makes, and what it keeps."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.search.balance import Balance
from studio.search.directions import Directions
from studio.search.objective import Value
from studio.search.oracle import Oracle
from studio.search.plan import SearchPlan
from studio.search.space import rounded


@dataclass(frozen=True)
class Kept:
    """A point that was checked.

    Attributes:
        point: ``(p,)`` rounded coefficients.
        value: the joint loss with the penalty, on the rows that decide.
        losses: of the tasks on them.
        accuracies: of the tasks on them, or None.
    """

    point: tuple[float, ...]
    value: float
    losses: tuple[float, ...]
    accuracies: tuple[float, ...] | None

    @property
    def accuracy(self) -> float | None:
        """Mean over tasks."""
        return sum(self.accuracies) / len(self.accuracies) if self.accuracies else None


@dataclass(frozen=True)
class SearchStep:
    """What one step of a search has found.

    Attributes:
        number: steps of Adam, or candidates of CMA-ES, so far; 0 for what it starts from.
        point: ``(p,)`` coefficients where the search stands.
        losses: of the tasks, on the rows of this step.
        value: the joint loss with the penalty, on them.
        rows: row evaluations of the whole search so far.
        checked: what was found on the rows that decide, if they were asked.
        best: the best that was checked so far.
    """

    number: int
    point: tuple[float, ...]
    losses: tuple[float, ...]
    value: float
    rows: int
    checked: Kept | None
    best: Kept


class Search:
    """What an optimizer works with.

    Args:
        oracle: answers.
        plan: of the search.
        balance: of the losses.
        directions: in which it moves.
        starts: ``(p,)`` points; it begins at the better one.
        most_rows: rows of a task that can be fitted on.

    Attributes:
        start: where it begins.
        best: the best point that was checked.
        idle: checks since a better one was found.
    """

    def __init__(
        self, oracle: Oracle, plan: SearchPlan, balance: Balance, directions: Directions,
        starts: tuple[Tensor, ...], most_rows: int,
    ) -> None:  # fmt: skip
        self.oracle = oracle
        self.plan = plan
        self.balance = balance
        self.directions = directions
        self.most_rows = most_rows
        self.idle = 0
        self._starts = starts
        self._best: Kept | None = None
        self.start = starts[0]

    @property
    def best(self) -> Kept:
        """The best point that was checked."""
        assert self._best is not None, "the starting points are checked first"
        return self._best

    def begin(self) -> Iterator[SearchStep]:
        """Check the points that it may start from."""
        for point in self._starts:
            kept = self.check(point)
            if self.best is kept:
                self.start = rounded(point)
            losses = torch.tensor(kept.losses, dtype=torch.float64)
            yield self.step(0, rounded(point), losses, kept.value, kept)
        losses = torch.tensor(self.best.losses, dtype=torch.float64)
        self.balance.begin(losses)

    def at(self, moved: Tensor) -> Tensor:
        """``(p,)`` the point that is ``(k,)`` along the directions from the start."""
        return self.start + self.directions.step(moved)

    def check(self, point: Tensor) -> Kept:
        """Ask the rows that decide; what is better is kept."""
        found = self.oracle.check(point)
        shares = None if found.accuracies is None else tuple(found.accuracies.tolist())
        kept = Kept(
            tuple(rounded(point).tolist()), self.joint(found), tuple(found.losses.tolist()), shares
        )
        self.idle += 1
        if self._best is None or kept.value < self._best.value:
            self._best, self.idle = kept, 0
        return kept

    def joint(self, found: Value) -> float:
        """What is to be small: the balanced losses, and half the penalty times its strength."""
        return self.balance.value(found.losses) + 0.5 * self.plan.ewc * found.penalty

    def step(
        self, number: int, point: Tensor, losses: Tensor, value: float, checked: Kept | None
    ) -> SearchStep:
        """A step as others see it."""
        where, found = tuple(point.tolist()), tuple(losses.tolist())
        return SearchStep(number, where, found, value, self.oracle.rows, checked, self.best)
