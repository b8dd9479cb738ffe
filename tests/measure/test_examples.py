"""Rows made ready to be asked: which questions they ask, which belong together, which are drawn."""

from dataclasses import dataclass

import numpy as np

from studio.measure.examples import groups_of, questions_of, starts_of


@dataclass(frozen=True)
class Asking:
    """A row of questions with these right answers."""

    answers: tuple[int, ...]
    group: str | None = None


def test_questions_of_rows_that_ask_several_stand_row_after_row():
    rows = [Asking((0,)), Asking((1, 0, 1)), Asking((1, 1))]
    starts = starts_of(rows)
    assert starts.tolist() == [0, 1, 4, 6]
    assert questions_of(starts, [2, 0]).tolist() == [4, 5, 0]
    assert questions_of(starts, []).tolist() == []


def found(rows):
    groups = groups_of(rows)
    assert groups is not None
    return groups


def test_questions_of_a_row_belong_together_and_so_do_rows_of_a_group():
    one = [Asking((0,)), Asking((1,))]
    assert groups_of(one) is None
    several = [Asking((0, 1)), Asking((1,))]
    assert np.array_equal(found(several), [0, 0, 1])
    grouped = [Asking((0,), "x"), Asking((1, 1), "y"), Asking((1,), "x")]
    assert np.array_equal(found(grouped), ["x", "y", "y", "x"])
