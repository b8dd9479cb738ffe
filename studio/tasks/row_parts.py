"""Which validation rows are measured on, fitted on, and choose: never the same, nor of a group."""

from collections.abc import Sequence

import numpy as np

from studio.tasks.rows import Row

VALIDATION = "validation"
MEASURED = "measured validation"
"""Of the validation rows those that statistics of experts may be taken on."""
CHOOSING = "remaining validation"
"""The others: on them numbers are fitted and decided of merges that measured something."""
FITTED = "fitted validation"
"""Of ``CHOOSING`` those on which numbers are fitted where others must decide what is kept."""
DECIDING = "deciding validation"
"""Of ``CHOOSING`` the others: nothing was measured or fitted on them."""
PARTS = (MEASURED, CHOOSING, FITTED, DECIDING)
_FIRST = (MEASURED, FITTED)  # of two parts of the same rows
_SHARE = 2 / 3  # of the rows, at most, that are measured on
_FITTED_SHARE = 1 / 3  # of the others, at most, that numbers are fitted on


def fair_order(count: int) -> np.ndarray:
    """A fixed shuffle of so many rows: any beginning of it is a fair sample."""
    return np.random.default_rng(0).permutation(count)


def part_of(rows: Sequence[Row], split: str) -> Sequence[Row]:
    """The validation rows of one of ``PARTS``, in the order of their file."""
    if split in (FITTED, DECIDING):
        rows = part_of(rows, CHOOSING)
        own = _whole_groups(rows, _FITTED_SHARE)
    else:
        own = measured_rows(rows)
    return [row for row, each in zip(rows, own, strict=True) if each == (split in _FIRST)]


def measured_rows(rows: Sequence[Row]) -> np.ndarray:
    """``(n,)`` whether each row may be measured on; no label decides it.

    Whole groups are taken in the order in which a fixed shuffle meets them, each that still fits
    into two thirds of the rows; a row without a group is one of its own. Rows of a single group
    are all measured on, and none is left to choose by.
    """
    found = _whole_groups(rows, _SHARE)
    return found if found.any() else np.ones(len(rows), bool)  # of two groups, the smaller fits


def _whole_groups(rows: Sequence[Row], share: float) -> np.ndarray:
    """``(n,)`` whether each row is of the groups that fit into a share of all rows."""
    order = fair_order(len(rows))
    names = [row.group if row.group is not None else place for place, row in enumerate(rows)]
    sizes: dict[object, int] = {}
    for place in order.tolist():
        sizes[names[place]] = sizes.get(names[place], 0) + 1
    taken, total = set[object](), 0
    for name, size in sizes.items():
        if total + size <= share * len(rows):
            taken.add(name)
            total += size
    return np.array([name in taken for name in names], bool)
