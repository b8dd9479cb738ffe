"""Bars: longer is better, whatever the metric; marks stand where their values do."""

import pytest

from studio.measure.intervals import Score
from studio.tasks.metric import ACCURACY, LOSS
from studio.ui.views.track import score_track, track


def loss(value: float) -> Score:
    return Score(value, 50, value - 0.1, value + 0.1, "bootstrap", LOSS)


def test_a_share_stands_between_0_and_1():
    bar = track(ACCURACY, (0.2, 0.3), (0.4,))
    assert [bar.place(x) for x in (0.0, 0.25, 1.0, 1.5)] == [0.0, 0.25, 1.0, 1.0]


def test_a_lower_loss_has_the_longer_bar_between_floor_and_expert():
    bar = track(LOSS, (3.0, 2.0), ())
    assert (bar.left, bar.right) == (3.25, 1.75)
    places = [bar.place(x) for x in (9.0, 3.0, 2.5, 2.0, 0.5)]
    assert places == pytest.approx([0.0, 1 / 6, 0.5, 5 / 6, 1.0])


def test_marks_that_are_equal_or_missing_still_make_a_track():
    for references, others in (((2.0, 2.0), ()), ((), (2.0, 2.2)), ((2.0,), (2.5,)), ((), ())):
        bar = track(LOSS, references, others)
        assert bar.left > bar.right >= 0
        assert 0 <= bar.place(2.1) <= 1


def test_a_score_is_drawn_with_its_interval_and_marks():
    html = score_track(loss(2.5), loss(3.0), loss(2.0), "a <b>")
    assert "aria-label='a &lt;b&gt;'" in html
    assert "<i style='width:50.00%'></i>" in html
    assert "<s style='left:43.33%;width:13.33%'></s>" in html
    assert "<u style='left:16.67%'></u><b style='left:83.33%'></b>" in html
    assert score_track(None, None, None, "") == ""
    assert "<i" not in score_track(None, loss(3.0), None, "early")
