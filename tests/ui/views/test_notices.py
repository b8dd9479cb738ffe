"""Sentences that stay on the page."""

from studio.ui.views.notices import refusal
from tests.ui.snapshots import EVIL


def test_a_refusal_is_an_alert_in_text_and_nothing_without_words():
    assert refusal("") == ""
    assert EVIL not in refusal(EVIL)
    assert refusal("No.") == "<p class='refusal' role='alert'>No.</p>"
