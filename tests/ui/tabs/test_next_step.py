"""The end of a tab, without a browser."""

from types import SimpleNamespace
from typing import Any

from studio.ui.tabs.next_step import NextStep
from studio.ui.view import View
from tests.ui.snapshots import snapshot


def test_the_line_is_drawn_anew_where_it_says_something_else():
    session: Any = SimpleNamespace()
    part = NextStep(session, "files", lambda now: f"<p>{now.busy}</p>")
    part.build()
    (piece,) = part.pieces(View(session, snapshot(busy=True), "", {}))
    assert piece.key == "<p>True</p>"
    assert piece.draw() == {part.line: "<p>True</p>"}
    assert part.line.elem_id == "next-files"
