"""Find the best: one button, a budget in seconds, and the table that grows while it runs."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.session.best import NAME, Bests
from studio.session.session import Session
from studio.ui.boxes import number_in
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import best as views
from studio.ui.wiring import QUIET, Wiring


class BestSection(PagePart):
    """The button with its budget, and the trials, each of which can be put into the mixer."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(f"<h3>{NAME}</h3>", **BARE, elem_id="best-heading")
        with gr.Row(elem_id="best-row", equal_height=True):
            self.start = gr.Button(NAME, variant="primary", scale=2, elem_id="best-start")
            self.seconds = gr.Number(
                label="Seconds, at most", minimum=1, precision=0, min_width=120, scale=1,
                elem_id="best-seconds",
            )  # fmt: skip
        gr.HTML(views.about(), **BARE)
        self.refusal = gr.HTML(**BARE, elem_id="best-refusal")
        self.table = gr.HTML(**BARE, elem_id="best", js_on_load=static("ranking.js"))
        self.loaded, self.outputs = [self.seconds], [self.table]

    def load(self, session: Session) -> Drawn:
        """The budget, as this browser left it."""
        return {self.seconds: session.bests.seconds}

    def pieces(self, view: View) -> Iterator[Piece]:
        """The trials, as far as they have come."""
        found = view.session.bests
        yield Piece("best", (id(found), found.version), partial(self._draw, found))

    def wire(self, page: Wiring) -> None:
        """Connect the button and the rows."""

        def start(session: Session, seconds: object) -> None:
            session.bests.start(number_in(seconds, "Seconds"))

        def use(event: gr.EventData, request: gr.Request) -> Drawn:
            session, clicked = session_of(self.engine, request), event._data
            key = clicked.get("use") if isinstance(clicked, dict) else None
            return {**page.edit(session, partial(session.bests.use, key)), **page.awake}

        page.starts(self.start.click, start, self.refusal, {"seconds": self.seconds})
        self.table.click(use, None, page.mixed, **QUIET).then(**page.moved)

    def _draw(self, found: Bests) -> Drawn:
        return {self.table: views.findings(found.found)}
