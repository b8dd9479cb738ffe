"""What the page shows of a state of sums: names are text, sizes stand beside the base."""

from pathlib import Path

from studio.sequence.members import Member
from studio.sequence.sums import SumState
from studio.session.states import StateView
from studio.ui.views.state import INTRODUCTION, state


def shown(*tasks: Member) -> str:
    found = SumState(Path("<s>"), "average", {}, "a" * 64, 0, {}, {}, tasks, "f" * 64)
    return state(StateView(found, 3_000_000, 1_000_000, "'<b>' came."))


def test_nothing_is_shown_before_the_first():
    assert state(None) == ""


def test_tasks_root_and_size_are_shown_and_names_are_text():
    html = shown(Member("<red>", "b" * 64, 0.5, "", "c" * 64))
    assert "&lt;red&gt;" in html
    assert "<red>" not in html
    assert "&#x27;&lt;b&gt;&#x27; came." in html
    assert "3 MB, 3.0 times the base" in html
    assert f"data-root='{'f' * 64}'" in html
    assert "<td class='num'>0.5</td>" in html
    assert "No task is in it." in shown()


def test_it_says_what_the_file_holds():
    assert "tells of nobody's rows" in INTRODUCTION
    assert "sums of deltas, and of the inputs of layers, are in it" in INTRODUCTION
