"""Which validation rows may be measured on, and which choose: never the same, nor of one group."""

from collections.abc import Sequence

import numpy as np

from studio.tasks.rows import Row

VALIDATION = "validation"
MEASURED = "measured validation"
"""Of the validation rows those that statistics of experts may be taken on."""
CHOOSING = "remaining validation"
"""The others: on them numbers are fitted and decided of merges that measured something."""
_SHARE = 2 / 3  # of the rows, at most, that are measured on


def fair_order(count: int) -> np.ndarray:
    """A fixed shuffle of so many rows: any beginning of it is a fair sample."""
    return np.random.default_rng(0).permutation(count)


def part_of(rows: Sequence[Row], split: str) -> Sequence[Row]:
    """The validation rows of ``MEASURED`` or of ``CHOOSING``, in the order of their file."""
    measured = measured_rows(rows)
    return [row for row, own in zip(rows, measured, strict=True) if own == (split == MEASURED)]


def measured_rows(rows: Sequence[Row]) -> np.ndarray:
    """``(n,)`` whether each row may be measured on; no label decides it.

    Whole groups are taken in the order in which a fixed shuffle meets them, each that still fits
    into two thirds of the rows; a row without a group is one of its own. Rows of a single group
    are all measured on, and none is left to choose by.
    """
    order = fair_order(len(rows))
    names = [row.group if row.group is not None else place for place, row in enumerate(rows)]
    sizes: dict[object, int] = {}
    for place in order.tolist():
        sizes[names[place]] = sizes.get(names[place], 0) + 1
    taken, total = set[object](), 0
    for name, size in sizes.items():
        if total + size <= _SHARE * len(rows):
            taken.add(name)
            total += size
    taken = taken or {*sizes}  # of two groups, the smaller one fits
    return np.array([name in taken for name in names], bool)
