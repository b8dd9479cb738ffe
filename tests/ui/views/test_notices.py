"""Sentences that stay on the page."""

from studio.ui.views.notices import notes, refusal
from tests.ui.snapshots import EVIL


def test_a_refusal_is_an_alert_in_text_and_nothing_without_words():
    assert refusal("") == ""
    assert EVIL not in refusal(EVIL)
    assert refusal("No.") == "<p class='refusal' role='alert'>No.</p>"


def test_notes_are_a_line_each_in_text():
    assert notes(()) == ""
    assert EVIL not in notes((EVIL,))
    assert notes(("One.", "Two.")) == "<p class='note'>One.</p><p class='note'>Two.</p>"
