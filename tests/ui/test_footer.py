"""The bottom of the page without a browser."""

from types import SimpleNamespace
from typing import Any

import gradio as gr

from studio.session.engine import Memory
from studio.ui.footer import Footer
from studio.ui.view import View
from tests.ui.snapshots import snapshot


def test_the_memory_is_told_anew_only_where_it_has_changed_much():
    memory = Memory(2**30, 0)
    footer = Footer(SimpleNamespace(memory=lambda: memory, opened=1))  # type: ignore[arg-type]
    footer.build()
    session: Any = SimpleNamespace(browser="me", overruled=0)

    def key() -> object:
        view = View(session, snapshot(), "", {})
        return next(piece.key for piece in footer.pieces(view) if piece.name == "memory")

    first, memory = key(), Memory(2**30 + 1, 0)
    assert key() == first
    memory = Memory(2**31, 0)
    assert key() != first


def test_what_words_open_stands_at_the_bottom_and_the_list_of_all_does_not():
    footer = Footer(SimpleNamespace())  # type: ignore[arg-type]
    with gr.Blocks() as blocks:
        footer.build()
    drawn = {each.elem_id: each for each in blocks.blocks.values() if isinstance(each, gr.HTML)}
    assert "all-terms" not in drawn
    assert "<template id='terms'><div class='glossary'" in str(drawn["explanation"].value)
    assert "<h2 id='term-name'></h2>" in str(drawn["explanation"].value)
