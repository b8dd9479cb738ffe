"""The wall's strip: eight beats with notes, and nothing begins that was not prepared."""

import re

from studio.ui.views.wall import BEATS, wall
from tests.ui.views.test_evidence import ESCAPED, EVIL


def test_there_are_eight_beats_each_with_a_note_and_a_place():
    assert len(BEATS) == 8
    assert all(each.title and each.note and each.place for each in BEATS)
    shown = wall(("a", "b"), "b", "2026-11-30 12:00 UTC, in 60 s", True)
    assert re.findall(r"<h3>(\d) of 8", shown) == [str(n) for n in range(1, 9)]
    assert "2 of 8: b asks to be taken out" in shown
    assert "<option selected>b</option>" in shown


def test_a_wall_begins_only_once_it_was_prepared_and_says_when():
    assert "data-wall='start' disabled" in wall(("a",), "", "", False)
    assert "Prepare first" in wall(("a",), "", "", False)
    shown = wall(("a",), "a", "2026-11-30 12:00 UTC, in 60 s", True)
    assert "data-wall='start'>" in shown
    assert "id='beats-fold' open>" in shown  # the button's answer folds it not away
    assert "id='beats-fold'>" in wall(("a",), "", "", False)
    assert "computed before, 2026-11-30 12:00 UTC, in 60 s" in shown


def test_the_menu_offers_what_is_out_of_the_mix_and_the_beats_tell_of_it():
    shown = wall(("a", "b", "c"), "", "", False, story="b")
    assert "<option selected>b</option>" in shown
    assert "2 of 8: b asks to be taken out" in shown


def test_without_a_certificate_the_last_two_beats_and_the_strip_lead_to_one():
    told = "No certificate says yet that b was taken out, and the last two beats show one"
    shown = wall(("a", "b"), "b", "2026-11-30 12:00 UTC, in 60 s", True, "b")
    assert shown.count(told) == shown.count("data-wall='certify'") == 3
    beats = shown.split("<section")[1:]
    assert [told in each for each in beats] == [False] * 6 + [True] * 2
    written = wall(("a", "b"), "b", "2026-11-30 12:00 UTC, in 60 s", True, "b", "2026-0007")
    assert told not in written
    assert "Certificate no. 2026-0007 says that it was taken out" in written
    assert "Press, and a changed copy must fail." in written


def test_names_are_text():
    for ready in (True, False):
        shown = wall((EVIL,), EVIL, "now", ready)
        assert "<img" not in shown
        assert f"data-task='{ESCAPED}'" in shown


def test_what_is_no_longer_of_the_mix_is_not_said_to_be_prepared():
    shown = wall(("a", "b"), "b", "2026-11-30 12:00 UTC, in 60 s", False)
    assert "data-wall='start' disabled" in shown
    assert "computed before" not in shown
    assert "no longer the one that <b>b</b> was prepared of" in shown
    assert "aria-label='Beats' data-task='b'>" in shown  # the one that the beats name


def test_only_the_first_beat_has_the_task_in_the_mix():
    assert [each.act for each in BEATS] == ["back", *["take"] * 7]
