"""The bottom of the page: the memory in use; hidden, what words open and what reloads the page."""

from collections.abc import Iterator

import gradio as gr

from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Piece, View
from studio.ui.views.glossary import explanation
from studio.ui.views.job_strip import memory_line

_STEP = 2**24  # bytes of memory from which on the page is told


class Footer(PagePart):
    """The memory; and, hidden, what words open and the number of the open zoo."""

    def build(self) -> None:
        """Lay out the line and what is hidden."""
        gr.HTML(explanation(), js_on_load=static("glossary.js"), elem_id="explanation", **BARE)
        self.memory = gr.HTML(**BARE)
        self.opened = gr.HTML(
            html_template="<i hidden data-zoo='${value}'></i>",
            js_on_load=static("reload.js"),
            elem_id="opened",
            **BARE,
        )
        self.outputs = [self.memory, self.opened]

    def pieces(self, view: View) -> Iterator[Piece]:
        """Both."""
        memory = self.engine.memory()
        seen = memory.process // _STEP
        yield Piece("memory", seen, lambda: {self.memory: memory_line(memory)})
        zoo = f"{self.engine.opened}.{view.session.overruled}"
        yield Piece("opened", zoo, lambda: {self.opened: zoo})
