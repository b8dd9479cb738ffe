"""A quadratic bowl in the place of a model: losses whose optimum is known."""

import torch
from torch import Tensor

from studio.search.balance import Balance, Scale
from studio.search.directions import Directions
from studio.search.objective import Slope, Value
from studio.search.oracle import Oracle
from studio.search.plan import SearchPlan
from studio.search.space import rounded
from studio.search.state import Search

BEST = torch.tensor([0.3, 0.9], dtype=torch.float64)
STEEP = torch.tensor([1.0, 4.0]).double()


class Bowl:
    """Two tasks, each with a loss of its own coefficient; counts what it is asked."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.asked = 0
        self.breaks_at = breaks_at

    def losses(self, point: Tensor) -> Tensor:
        self.asked += 1
        found = STEEP * (point - BEST).square() + 0.1
        if self.asked == self.breaks_at:
            found = found * torch.tensor([1.0, float("nan")]).double()
        return found

    def value(self, point: Tensor, rows: int) -> Value:
        return Value(self.losses(point), 0.0, 2 * rows, torch.ones(2).double())

    def check(self, point: Tensor) -> Value:
        return Value(self.losses(rounded(point)), 0.0, 10, torch.full((2,), 0.5).double())

    def slope(self, point: Tensor, number: int, weights: Tensor) -> Slope:
        slope = weights * 2 * STEEP * (point - BEST)
        return Slope(self.losses(point), 0.0, 4, slope=slope)


def search(plan: SearchPlan, bowl: Bowl, known=(), starts=((0.7, 0.7), (1.2, 1.2))) -> Search:
    eye = Directions(2, ((torch.arange(2), torch.eye(2).double()),))
    scale = Scale(torch.full((2,), 0.1).double(), torch.full((2,), 1.1).double())
    points = tuple(torch.tensor(each, dtype=torch.float64) for each in starts)
    oracle = Oracle(bowl, ("a", "b"), known)
    return Search(oracle, plan, Balance(plan.balance, scale), eye, points, 100)
