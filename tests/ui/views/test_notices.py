"""Sentences that stay on the page."""

import pytest

from studio.errors import BadZoo, NotAllowed, Remedy, SeveralProblems
from studio.ui.views.notices import notes, refusal, refused, restart
from tests.ui.snapshots import EVIL


def test_a_refusal_is_an_alert_in_text_and_nothing_without_words():
    assert refusal("") == ""
    assert EVIL not in refusal(EVIL)
    assert refusal("No.") == "<p class='refusal' role='alert'>No.</p>"


def test_notes_are_a_line_each_in_text():
    assert notes(()) == ""
    assert EVIL not in notes((EVIL,))
    assert notes(("One.", "Two.")) == "<p class='note'>One.</p><p class='note'>Two.</p>"


def outside(path: str, remedy: Remedy = Remedy.ADD_ROOT) -> NotAllowed:
    return NotAllowed("It is outside.", remedy, path)


def test_a_path_outside_comes_with_a_command_that_a_shell_reads():
    shown = refused(outside(f"/a b/{EVIL}"), "there")
    assert EVIL not in shown
    assert "python app.py --root &#x27;/a b/" in shown
    assert "data-copy='there'" in shown
    assert "<pre id='there'" in shown


@pytest.mark.parametrize(
    ("problems", "command"),
    [
        ([outside("/a/zoo.yaml"), outside("/b", Remedy.FOLLOW_LINKS)], "--root /a --root /b</pre>"),
        ([SeveralProblems("x", [outside("/a"), outside("/a")])], "app.py --root /a</pre>"),
    ],
)
def test_each_folder_is_named_once_and_a_file_of_a_zoo_by_its_folder(problems, command):
    assert command in restart(problems, "there")


def test_what_a_restart_would_not_help_has_no_command():
    assert restart([BadZoo("No."), outside(""), outside("x", Remedy.GIVE_ROWS)], "there") == ""
