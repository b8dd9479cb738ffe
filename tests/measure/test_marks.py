"""Marks: which were made, those of some questions, and the score that they add up to."""

import numpy as np
import pytest

from studio.measure.marks import Marks
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS


def test_marks_of_some_questions_keep_what_they_are_summed_over():
    marks = Marks(np.array([2.0, np.nan, 6.0]), LOSS, np.array([1.0, 9.0, 3.0]), np.full(3, 8.0))
    assert marks.seen.tolist() == [True, False, True]
    kept = marks.at(marks.seen)
    assert (len(kept), kept.score(None).value) == (2, 2.0)
    assert kept.units is not None
    assert kept.units.tolist() == [1.0, 3.0]
    assert kept.score(None).bits_per_byte == pytest.approx(8 / np.log(2) / 16)
    assert marks.at(np.array([2])).values.tolist() == [6.0]


def test_right_and_wrong_are_a_share():
    score = Marks(np.array([1.0, 0.0, 1.0, 1.0])).score(None)
    assert (score.value, score.metric, score.interval) == (0.75, ACCURACY, "wilson")


def test_marks_of_some_questions_keep_what_stands_beside():
    sums = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    marks = Marks(np.array([1.0, 0.0, np.nan]), besides={"by length": sums})
    (share,) = marks.at(marks.seen).score(None).besides
    assert (share.name, share.value, share.interval) == ("by length", 0.5, "wilson")


def test_beside_an_agreement_stands_no_f1_and_no_other_accuracy():
    sums = np.array([[2.0, 2.0], [0.0, 1.0]])
    score = Marks(np.array([1.0, 0.0]), AGREEMENT, besides={"F1": sums}).score(None)
    assert (score.metric, score.besides, "besides" in score.plain()) == (AGREEMENT, (), False)
    assert Marks(np.array([1.0, 0.0]), besides={"F1": sums}).score(None).besides
