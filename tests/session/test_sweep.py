"""Sweeps in a session: a job whose landscape grows, and boxes that hold no numbers."""

import time

import pytest

from studio.errors import BadRecipe, StudioError
from studio.session.sweep import SweepWish
from tests.session.test_compare import wait

SMALL = SweepWish((("coefficient.color", 0.0, 1.0),), 1, 6)


def test_the_landscape_grows_and_stays_for_a_page_that_is_reloaded(session):
    sweeping = session.sweeps
    sweeping.wish = SMALL
    recipe, (axis,), cost = sweeping.plan()
    assert (axis.name, cost.points, cost.rows) == ("coefficient.color", 3, 12)
    sweeping.start()
    ended = wait(session)
    assert (ended.phase, ended.name) == ("done", "Sweep of coefficient of color")
    assert ended.words == "Measured 3 points on validation rows."
    assert sweeping.version == 4  # the present mix, then three points
    session.attend()
    assert session.sweeps is sweeping
    assert sweeping.found.recipe == recipe
    assert not sweeping.moved()
    session.edit("halve")
    assert sweeping.moved()


def test_the_best_point_comes_into_the_mixer_and_can_be_undone(session):
    sweeping = session.sweeps
    assert not sweeping.can_show_best
    with pytest.raises(BadRecipe, match="a sweep that is not there"):
        sweeping.show_best()
    session.edit("halve")
    before = session.mix
    sweeping.wish = SMALL
    sweeping.start()
    assert wait(session).phase == "done"
    best = sweeping.found.best
    assert best.place != (before.strips[0].coefficient,)
    assert sweeping.can_show_best
    sweeping.show_best()
    assert session.mix.strips[0].coefficient == best.place[0]
    assert session.mix.strips[1:] == before.strips[1:]
    assert not sweeping.can_show_best
    session.edit("undo")
    assert session.mix == before


def test_a_sweep_can_be_cancelled_and_keeps_what_it_has(session):
    session.sweeps.wish = SweepWish((("coefficients", None, None),), 5, 30)
    session.sweeps.start()
    while session.sweeps.version < 2:
        time.sleep(0.01)
    session.cancel_job()
    assert wait(session).phase == "cancelled"
    assert 0 < len(session.sweeps.found.points) < 33


def test_the_numbers_are_those_of_the_mix(session):
    assert session.sweeps.names()[:4] == (
        "coefficients", "coefficient.color", "coefficient.animal", "strength",
    )  # fmt: skip
    session.edit("reset")
    value = session.mixer_value()
    value["rows"][0]["on"] = False
    session.move(value)
    assert "coefficient.color" not in session.sweeps.names()
    session.sweeps.wish = SMALL
    with pytest.raises(BadRecipe, match=r"no number 'coefficient.color'"):
        session.sweeps.start()
    value["rows"][1]["on"] = False
    session.move(value)
    session.sweeps.wish = SweepWish()
    with pytest.raises(BadRecipe, match="Nothing is merged"):
        session.sweeps.plan()


def test_a_second_job_is_refused(session):
    session.engine.jobs.start("Else", lambda progress: forever(progress), session.browser)
    with pytest.raises(StudioError, match="'Else' is still running"):
        session.sweeps.start()
    session.cancel_job()
    wait(session)


def forever(progress):
    while True:
        progress(0.5, "waiting")
        time.sleep(0.01)
