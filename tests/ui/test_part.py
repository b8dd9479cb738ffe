"""The contract of a part, and a tab that is made of several."""

from types import SimpleNamespace
from typing import Any

import gradio as gr

from studio.ui.part import PagePart, PartsTab
from studio.ui.view import Piece, View


class Counter(PagePart):
    """A part that shows one number and loads another."""

    def build(self) -> None:
        self.shown, self.box = gr.HTML(), gr.Number()
        self.outputs, self.loaded, self.choices = [self.shown], [self.box], [self.box]

    def pieces(self, view: View):
        yield Piece(f"counter {id(self)}", 1, lambda: {self.shown: "1"})

    def load(self, session):
        return {self.box: 2}


def test_a_part_that_says_nothing_draws_nothing_and_is_no_tab():
    part: Any = PagePart(SimpleNamespace())  # type: ignore[arg-type]
    assert (part.title, list(part.pieces(None)), part.load(None), part.wire(None)) == (
        "", [], {}, None,
    )  # fmt: skip


def test_a_tab_of_parts_is_everything_that_they_are():
    engine: Any = SimpleNamespace()
    members = Counter(engine), Counter(engine)
    tab = PartsTab(engine, members)
    with gr.Blocks():
        tab.build()
    assert tab.outputs == [each.shown for each in members]
    assert tab.loaded == tab.choices == [each.box for each in members]
    session: Any = SimpleNamespace()
    assert tab.load(session) == {each.box: 2 for each in members}
    pieces = list(tab.pieces(View(session, session, "", {})))
    assert [piece.draw() for piece in pieces] == [{each.shown: "1"} for each in members]
