"""Validation rows in two parts: whole groups, no label looked at, and always the same."""

from collections.abc import Sequence

import pytest

from studio.tasks.kinds.text_rows import TextRow
from studio.tasks.row_parts import (
    CHOOSING,
    DECIDING,
    FITTED,
    MEASURED,
    fair_order,
    measured_rows,
    part_of,
)
from studio.tasks.rows import Row


def rows(*groups: str | None) -> Sequence[Row]:
    return [TextRow(f"row {i}", i % 2, group) for i, group in enumerate(groups)]


@pytest.mark.parametrize(
    "groups",
    [
        [None] * 20,
        [f"g{i // 3}" for i in range(31)],
        ["large"] * 30 + ["a", "b"] * 4,
        ["one", "two"],
    ],
)
def test_the_parts_are_disjoint_whole_groups_that_make_up_all_rows(groups):
    every = rows(*groups)
    measured, rest = part_of(every, MEASURED), part_of(every, CHOOSING)
    assert measured
    assert rest
    assert len(measured) <= 2 * len(every) / 3
    assert sorted([*map(id, measured), *map(id, rest)]) == sorted(map(id, every))
    named = [{row.group for row in each} - {None} for each in (measured, rest)]
    assert not named[0] & named[1]


def test_rows_without_groups_are_parted_by_the_fixed_shuffle():
    every = rows(*[None] * 21)
    assert sorted(fair_order(21)[:14].tolist()) == measured_rows(every).nonzero()[0].tolist()


def test_no_label_decides():
    every = rows(*[f"g{i % 7}" for i in range(40)])
    other = [TextRow(f"row {i}", 1, row.group) for i, row in enumerate(every)]
    assert measured_rows(every).tolist() == measured_rows(other).tolist()


@pytest.mark.parametrize("groups", [["a"] * 5, [None]])
def test_a_single_group_is_measured_and_leaves_none_to_choose_by(groups):
    assert len(part_of(rows(*groups), MEASURED)) == len(groups)
    assert not part_of(rows(*groups), CHOOSING)


def test_of_two_groups_that_do_not_fit_the_smaller_is_measured():
    found = part_of(rows(*["a"] * 9, *["b"] * 4), MEASURED)
    assert {row.group for row in found} == {"b"}
    assert not len(part_of([], MEASURED))


@pytest.mark.parametrize("groups", [[None] * 30, [f"g{i // 3}" for i in range(60)]])
def test_what_is_fitted_on_and_what_decides_share_no_group_and_make_up_what_chooses(groups):
    every = rows(*groups)
    fitted, deciding = part_of(every, FITTED), part_of(every, DECIDING)
    assert fitted
    assert len(fitted) <= len(deciding) / 2
    chosen = part_of(every, CHOOSING)
    assert sorted([*map(id, fitted), *map(id, deciding)]) == sorted(map(id, chosen))
    named = [{row.group for row in each} - {None} for each in (fitted, deciding)]
    assert not named[0] & named[1]


def test_where_one_group_is_left_it_decides_and_none_is_fitted_on():
    every = rows(*["a"] * 9, *["b"] * 4)
    assert not part_of(every, FITTED)
    assert {row.group for row in part_of(every, DECIDING)} == {"a"}
