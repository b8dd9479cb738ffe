"""Orders of arrival: the given one, or shuffles that differ and say their seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from studio.errors import BadRecipe

LARGEST_SEED = 2**31 - 1
MOST_SHUFFLES = 100


@dataclass(frozen=True)
class Order:
    """The n tasks in order of arrival.

    Attributes:
        tasks: their names.
        seed: that the order was drawn with; None if it was given.
    """

    tasks: tuple[str, ...]
    seed: int | None = None


def shuffled(tasks: Sequence[str], count: int, seed: int = 0) -> tuple[Order, ...]:
    """Orders drawn with consecutive seeds; a seed that repeats an earlier order is passed over.

    Args:
        tasks: n names.
        count: orders to draw, 1 to n! and at most ``MOST_SHUFFLES``.
        seed: of the first.

    Raises:
        BadRecipe: there are not so many orders, or the seed is no whole number from 0.
    """
    names, most = tuple(tasks), factorial(len(tasks))
    if not 1 <= count <= min(most, MOST_SHUFFLES):
        run = f", of which {MOST_SHUFFLES} can be run" if most > MOST_SHUFFLES else ""
        raise BadRecipe(
            f"{count} orders were asked for; {len(tasks)} tasks can arrive in {most:,} different "
            f"orders{run}, so ask for 1 to {min(most, MOST_SHUFFLES)}."
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise BadRecipe(f"The seed is {seed}; it must be a whole number from 0 to {LARGEST_SEED}.")
    found: dict[tuple[str, ...], int] = {}
    while len(found) < count:
        drawn = np.random.default_rng(seed).permutation(len(tasks))
        found.setdefault(tuple(names[i] for i in drawn), seed)
        seed += 1
    return tuple(Order(order, own) for order, own in found.items())
