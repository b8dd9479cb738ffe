"""Successive halving: many candidates on few rows, the best of them and their kin on more."""

import math
from collections.abc import Callable, Generator, Hashable, Sequence
from typing import TypeVar

Candidate = TypeVar("Candidate", bound=Hashable)
Advance = Callable[[int, Sequence[Candidate]], Sequence[Candidate]]
Schedule = Generator[tuple[Candidate, int], float | None, list[Candidate]]
LEVELS = 5
_FEWEST = 24  # rows of a task, on which candidates are told apart at all


def levels(most: int, count: int = LEVELS) -> tuple[int, ...]:
    """Rows per task on each level: a quarter, a half, then all of those that there are.

    Args:
        most: rows of the task that has most of them.
        count: of levels.
    """
    steps = (math.ceil(most / 2 ** max(2 - level, 0)) for level in range(count))
    return tuple(min(most, max(_FEWEST, step)) for step in steps)


def halving(
    first: Sequence[Candidate], rows: Sequence[int], advance: Advance[Candidate]
) -> Schedule[Candidate]:
    """Ask for the value of one candidate after another; nothing is drawn and no clock is read.

    Args:
        first: candidates of the first level.
        rows: see ``levels``.
        advance: of a level's place and its candidates, the best first, those of the next level.

    Yields:
        A candidate and on how many rows it is to be judged. The value is sent back: higher is
        better, None for one that cannot be judged and is out.

    Returns:
        The candidates of the last level, the best first; of equal ones the earlier.

    Source: Jamieson and Talwalkar 2016 (arXiv 1502.07943), with candidates that join later.
    """
    field, ranked = list(dict.fromkeys(first)), list[Candidate]()
    for level, count in enumerate(rows):
        values: dict[Candidate, float] = {}
        for each in field:
            value = yield each, count
            if value is not None:
                values[each] = value
        ranked = sorted(values, key=lambda each: -values[each])
        if level + 1 < len(rows):
            field = list(dict.fromkeys(advance(level, ranked)))
    return ranked


def best_of_each(
    ranked: Sequence[Candidate], kind: Callable[[Candidate], Hashable], most: int
) -> list[Candidate]:
    """The best candidate of each kind, at most so many, the best first."""
    found: dict[Hashable, Candidate] = {}
    for each in ranked:
        found.setdefault(kind(each), each)
    return list(found.values())[:most]
