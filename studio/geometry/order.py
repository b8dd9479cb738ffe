"""Order sensitivity: how far the merged change moves when the tasks arrive in another order."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import torch
from torch import Tensor

from studio.errors import NothingToMerge
from studio.geometry.gram import Gram
from studio.geometry.orthogonal import Basis

MOST_ORDERS = 24
"""Orders that are looked at: all of them for up to four tasks, a sample for more."""
_NAMED = 3  # refused orders that a sentence names


@dataclass(frozen=True)
class Orders:
    """A method's components of the same deltas in several orders of arrival.

    Attributes:
        tasks: the n names, in the recipe's order.
        orders: P orders as positions in ``tasks``; the first is the recipe's own.
        rows: ``(P, T, n, n)`` or ``(P, 1, n, n)`` float64, the components as in ``Basis``, with
            rows and columns put back into the recipe's order.
        shares: ``(P, n)`` share of each delta's squared norm that is left.
        refused: orders in which some delta adds no direction of its own.
    """

    tasks: tuple[str, ...]
    orders: tuple[tuple[int, ...], ...]
    rows: Tensor
    shares: Tensor
    refused: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class OrderSensitivity:
    """Distances between the merged change in the recipe's order and in others.

    Attributes:
        count: orders looked at, the recipe's own and refused ones included.
        possible: orders there are, n!.
        distances: per order that can be merged, ``||M - M_0|| / ||M_0||``; the recipe's own
            comes first, with 0. Empty if the recipe's merged change M_0 is zero.
        orders: the task names in these orders.
        kept: per task, the least and the largest share of its delta's squared norm that is left.
        refused: orders that cannot be merged, as task names.
    """

    count: int
    possible: int
    distances: tuple[float, ...]
    orders: tuple[tuple[str, ...], ...]
    kept: dict[str, tuple[float, float]]
    refused: tuple[tuple[str, ...], ...]

    @property
    def largest(self) -> float | None:
        """Largest distance, or None if there is nothing to be compared with."""
        return max(self.distances, default=None)

    @property
    def mean(self) -> float | None:
        """Mean distance of the other orders (0 if there are none), or None."""
        if not self.distances:
            return None
        return sum(self.distances) / max(len(self.distances) - 1, 1)

    def plain(self) -> dict:
        """The report as it stands in a file."""
        far = self.orders[self.distances.index(max(self.distances))] if self.distances else None
        return {
            "orders": self.count,
            "possible": self.possible,
            "largest": self.largest,
            "mean": self.mean,
            "farthest": list(far) if far else None,
            "kept": {task: list(span) for task, span in self.kept.items()},
            "refused": [list(order) for order in self.refused],
        }


def sampled_orders(n: int, seed: int) -> list[tuple[int, ...]]:
    """All orders of up to four tasks, else ``MOST_ORDERS`` distinct ones; 0 … n - 1 comes first."""
    if factorial(n) <= MOST_ORDERS:
        return list(permutations(range(n)))
    generator = torch.Generator().manual_seed(seed)
    found = {tuple(range(n)): None}
    while len(found) < MOST_ORDERS:
        found[tuple(torch.randperm(n, generator=generator).tolist())] = None
    return list(found)


def reorder(gram: Gram, components: Callable[[Gram], Basis], seed: int) -> Orders:
    """The components in every sampled order, from the inner products alone.

    Args:
        gram: of the raw deltas, in the recipe's order.
        components: a method's components, from the Gram of the deltas in some order.
        seed: of the sample.

    Raises:
        NothingToMerge: the recipe's own order cannot be merged; other orders are noted.
    """
    orders, rows, shares, refused = [], [], [], []
    for order in sampled_orders(len(gram.tasks), seed):
        place = torch.tensor(order, dtype=torch.long)
        tasks = tuple(gram.tasks[i] for i in order)
        try:
            basis = components(Gram(tasks, gram.names, gram.blocks[:, place][:, :, place]))
        except NothingToMerge:
            if not orders:
                raise
            refused.append(order)
            continue
        back = place.argsort()
        orders.append(order)
        rows.append(basis.rows[:, back][:, :, back])
        shares.append(basis.shares[back])
    return Orders(gram.tasks, tuple(orders), torch.stack(rows), torch.stack(shares), tuple(refused))


def order_sensitivity(gram: Gram, orders: Orders, coefficients: Tensor) -> OrderSensitivity:
    """How far the merged change ``sum_j mixing[t, j] delta_j`` depends on the order.

    Args:
        gram: of the raw deltas, in the recipe's order.
        orders: of the same deltas.
        coefficients: ``(T, n)`` float64, of the components.

    Source: MDM-OC, Eqs. 2 and 4; a squared norm is ``sum_t m_t^T G_t m_t``.
    """
    mixing = (coefficients.unsqueeze(-2) @ orders.rows).squeeze(-2)  # (P, T, n)
    own = _norms(mixing[:1], gram)
    moved = _norms(mixing - mixing[0], gram)  # (P,)
    distances = tuple((moved / own).tolist()) if float(own) > 0 else ()
    low, high = orders.shares.min(0).values.tolist(), orders.shares.max(0).values.tolist()
    return OrderSensitivity(
        len(orders.orders) + len(orders.refused),
        factorial(len(orders.tasks)),
        distances,
        _named(orders.orders, orders.tasks),
        dict(zip(orders.tasks, zip(low, high, strict=True), strict=True)),
        _named(orders.refused, orders.tasks),
    )


def sentence(found: OrderSensitivity | None) -> str:
    """Order sensitivity for people; None stands for a method that treats all tasks alike."""
    if found is None:
        return "Order: this method treats all tasks alike, so their order changes nothing."
    if found.possible == 1:
        return "Order: one task has one order."
    if found.largest is None or found.mean is None:
        return "Order: this mix changes nothing, whatever the order."
    if len(found.distances) == found.possible == 2:
        swapped = _percent(found.largest)
        return f"Order: with the two tasks swapped, the merged change differs by {swapped}."
    every = found.count == found.possible
    which = f"all {found.count}" if every else f"{found.count} of {found.possible:,}"
    words = (
        f"Order: over {which} orders, the merged change differs from this order's by up to "
        f"{_percent(found.largest)} (mean {_percent(found.mean)})."
    )
    if found.refused:
        named = "; ".join(", ".join(order) for order in found.refused[:_NAMED])
        more = " and others" if len(found.refused) > _NAMED else ""
        words += (
            f" {len(found.refused)} of them cannot be merged, because a task adds no direction "
            f"of its own there: {named}{more}."
        )
    return words


def _norms(mixing: Tensor, gram: Gram) -> Tensor:
    """``(P,)`` norms of the changes with ``(P, T, n)`` coefficients of the raw deltas."""
    image = (mixing.unsqueeze(-2) @ gram.blocks).squeeze(-2)  # (P, T, n)
    return (image * mixing).sum((1, 2)).clamp(min=0).sqrt()


def _named(
    orders: tuple[tuple[int, ...], ...], tasks: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(tasks[i] for i in order) for order in orders)


def _percent(share: float) -> str:
    return "less than 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"
