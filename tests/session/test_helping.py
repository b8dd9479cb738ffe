"""What a button could do about a trouble, and which change of the task that is."""

from pathlib import Path

import pytest

from studio.errors import BadData, Names, Remedy, SeveralProblems, StudioError
from studio.new_zoo.plan import ALL, NewTask
from studio.session.helping import change_for, offers, zoo_offers

ROWS = {ALL: Path("x.csv")}
TASK = NewTask("moods", Path("x"), "text-classification", ROWS)
ALWAYS = [(Remedy.WITHOUT_ROWS, ""), (Remedy.LEAVE_TASK_OUT, "moods")]


@pytest.mark.parametrize(
    ("remedy", "about", "offered"),
    [
        (Remedy.DROP_LEAKS, "", True),
        (Remedy.TAKE_COLUMN, "mood", True),
        (Remedy.NAME_LABELS, Names(("bad", "good")), True),
        (Remedy.NAME_LABELS, Names(()), False),
        (Remedy.NO_GROUP, "", True),
        (Remedy.GUESS_COLUMNS, "", True),
        (Remedy.FOLLOW_LINKS, "/x", False),
        (None, "", False),
    ],
)
def test_what_a_button_can_do_is_offered_before_the_ways_without_rows(remedy, about, offered):
    trouble = BadData("'moods': no.", remedy, about)
    assert offers(TASK, trouble) == [*([(remedy, about)] if offered else []), *ALWAYS]
    assert offers(TASK, None) == ALWAYS


def test_what_does_not_fit_a_checkpoint_is_not_helped_by_leaving_its_rows_out():
    for files, refused in ((ROWS, BadData("No.")), ({}, None)):
        task = NewTask("moods", Path("x"), "text-classification", files, refused=refused)
        assert offers(task, BadData("No.")) == ALWAYS[1:]


def test_a_zoo_that_does_not_fit_is_helped_by_leaving_out_each_task_that_is_why():
    wrong = [BadData("No.", Remedy.LEAVE_TASK_OUT, name) for name in ("a", "b", "a")]
    several = SeveralProblems("'zoo'", [*wrong, StudioError("Else.")])
    assert zoo_offers(several) == [(Remedy.LEAVE_TASK_OUT, "a"), (Remedy.LEAVE_TASK_OUT, "b")]
    assert zoo_offers(StudioError("Full.")) == zoo_offers(None) == []


def test_each_remedy_is_a_change_of_what_it_is_about():
    read = {"text": "body", "label": "id", "group": "user"}
    changes = {
        Remedy.TAKE_COLUMN: {"fields": {"text": "body", "label": "mood", "group": "user"}},
        Remedy.NO_GROUP: {"fields": {"text": "body", "label": "id", "group": ""}},
        Remedy.NAME_LABELS: {"labels": "mood"},
        Remedy.GUESS_COLUMNS: {"fields": None},
        Remedy.WITHOUT_ROWS: {"rows": ""},
    }
    assert {remedy: change_for(remedy, "mood", read) for remedy in changes} == changes
