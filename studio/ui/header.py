"""The top of the page: what is open, and how good the shown mix is."""

from collections.abc import Iterator

import gradio as gr

from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import header as views


class Header(PagePart):
    """The title, a line for screen readers, and the mean accuracy."""

    def build(self) -> None:
        """Lay out the three lines."""
        self.heading = gr.HTML(elem_id="title", **BARE)
        self.status = gr.HTML(
            html_template="<p role='status'>${value}</p>", elem_id="status", **BARE
        )
        self.headline = gr.HTML(elem_id="headline", **BARE)
        self.outputs = [self.status, self.headline]
        self.loaded = [self.heading]

    def load(self, session: Session) -> Drawn:
        """The zoo that is open."""
        device = self.engine.device.type
        words = views.title(session.zoo, device, self.engine.demos())
        return {self.heading: views.strangers(words) if self.engine.read_only else words}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is said once the numbers have come to rest, and the numbers at every step."""
        now = view.snapshot
        words = views.status(now)
        yield Piece("status", words, lambda: {self.status: words})
        yield Piece("headline", view.scores, lambda: {self.headline: views.headline(now)})
