"""Rows made ready to be asked: which questions they ask, which belong together, which are drawn."""

import numpy as np

from studio.measure.examples import groups_of, questions_of, starts_of
from studio.tasks.rows import Row


def test_questions_of_rows_that_ask_several_stand_row_after_row():
    rows = [Row(("a",), (0,)), Row(("b",), (1, 0, 1)), Row(("c",), (1, 1))]
    starts = starts_of(rows)
    assert starts.tolist() == [0, 1, 4, 6]
    assert questions_of(starts, [2, 0]).tolist() == [4, 5, 0]
    assert questions_of(starts, []).tolist() == []


def test_questions_of_a_row_belong_together_and_so_do_rows_of_a_group():
    one = [Row(("a",), (0,)), Row(("b",), (1,))]
    assert groups_of(one) is None
    several = [Row(("a",), (0, 1)), Row(("b",), (1,))]
    assert groups_of(several).tolist() == [0, 0, 1]
    grouped = [Row(("a",), (0,), "x"), Row(("b",), (1, 1), "y"), Row(("c",), (1,), "x")]
    assert np.array_equal(groups_of(grouped), ["x", "y", "y", "x"])
