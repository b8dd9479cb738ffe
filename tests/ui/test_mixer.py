"""The mixer without a browser."""

from typing import Any

from studio.ui.mixer import MixerPanel
from tests.ui.conftest import Driver


def test_a_refused_move_changes_nothing_and_says_why_below_the_mixer(driver):
    before = driver.session.mixer_value()
    drawn = driver.use("mixer", "input", before | {"method": "magic", "sent": 7})
    assert "class='refusal'" in drawn["trouble"]
    assert drawn["mixer"] == before | {"answered": 7}
    assert driver.session.mixer_value() == before


def test_an_edit_draws_the_mix_and_which_edits_are_possible(driver: Driver):
    drawn: dict[str, Any] = driver.use("mix-halve", "click")
    assert "refusal" not in drawn["trouble"]
    assert drawn["mix-undo"].interactive
    assert not drawn["mix-redo"].interactive
    assert not driver.use("mix-pin", "click")["mix-pin"].interactive
    driver.use("mix-undo", "click")
    assert driver.load()["mix-redo"].interactive


def test_the_mixer_is_drawn_at_a_look_only_where_a_search_moves_it(driver, monkeypatch):
    assert "mixer" not in driver.look("Scores")
    monkeypatch.setattr(driver.session.searches, "moves", 1)
    assert driver.look("Scores")["mixer"] == driver.session.mixer_value()
    assert isinstance(driver.page.mixer, MixerPanel)
