"""The mixer without a browser."""

from typing import Any

from studio.session.taken_out import Returned
from studio.ui.mixer import MixerPanel
from tests.ui.conftest import Driver


def test_a_refused_move_changes_nothing_and_says_why_below_the_mixer(driver):
    before = driver.session.mixer_value()
    drawn = driver.use("mixer", "input", before | {"method": "magic", "sent": 7})
    assert "class='refusal'" in drawn["trouble"]
    assert drawn["mixer"] == before | {"answered": 7, "made": drawn["mixer"]["made"]}
    assert driver.session.mixer_value() == before


def test_an_edit_draws_the_mix_and_which_edits_are_possible(driver: Driver):
    drawn: dict[str, Any] = driver.use("mix-halve", "click")
    assert "refusal" not in drawn["trouble"]
    assert drawn["mix-undo"].interactive
    assert not drawn["mix-redo"].interactive
    assert not driver.use("mix-pin", "click")["mix-pin"].interactive
    driver.use("mix-undo", "click")
    assert driver.look("Results")["mix-redo"].interactive


def test_the_mixer_is_drawn_at_a_look_only_where_a_search_moves_it(driver, monkeypatch):
    assert "mixer" not in driver.look("Results")
    monkeypatch.setattr(driver.session.searches, "moves", 1)
    drawn = driver.look("Results")["mixer"]
    assert drawn.pop("made") > 0
    assert drawn == driver.session.mixer_value()
    assert isinstance(driver.page.mixer, MixerPanel)


def test_once_a_task_is_out_the_next_step_is_offered(driver: Driver, monkeypatch):
    assert not driver.look("Results")["prove"].visible
    value = driver.session.mixer_value()
    rows = [row | {"on": row["name"] != "color"} for row in value["rows"]]
    button = driver.use("mixer", "input", value | {"rows": rows})["prove"]
    assert (button.visible, button.value) == (True, "Prove that color is out")
    assert driver.use("prove", "click")["timer"].active
    monkeypatch.setattr(driver.session.evidence, "found", lambda: {"exact": object()})
    button = driver.look("Results")["prove"]
    assert (button.value, button.variant) == ("See what was checked of color", "secondary")


def test_a_task_that_came_back_is_told_when_the_page_opens_as_after_every_move(driver, monkeypatch):
    back = [Returned("color", "2026-11-25", "c" * 64, demo=True)]
    monkeypatch.setattr(driver.session.taken_out, "returned", lambda: back)
    opened = driver.load()["trouble"]
    assert "data-returned='color'" in opened
    assert driver.use("mix-halve", "click")["trouble"] == opened  # so nothing moves for it


def test_of_two_answers_the_later_one_says_so_and_a_look_heals_the_buttons(driver: Driver):
    first, second = driver.load()["mixer"]["made"], driver.load()["mixer"]["made"]
    assert first < second
    driver.look("Results")
    driver.session.edit("halve")  # as another tab does
    assert driver.look("Results")["mix-undo"].interactive


def test_a_clock_that_is_put_back_makes_no_later_answer_an_earlier_one(driver, monkeypatch):
    first = driver.load()["mixer"]["made"]
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert driver.load()["mixer"]["made"] > first


def test_no_proof_is_promised_where_no_separate_process_could_make_one(driver):
    driver.use("mixer", "input", driver.session.mixer_value() | {"method": "regmean"})
    value = driver.session.mixer_value()
    rows = [row | {"on": row["name"] != "color"} for row in value["rows"]]
    button = driver.use("mixer", "input", value | {"rows": rows})["prove"]
    assert button.value == "See what is left of color"
