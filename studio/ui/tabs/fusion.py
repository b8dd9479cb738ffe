"""AdapterFusion in the Improve tab: what it takes, the button that trains it, and its price."""

from collections.abc import Iterator

import gradio as gr

from studio.errors import StudioError
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import fusion as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring


class FusionSection(PagePart):
    """The trained baseline beside the comparison."""

    def build(self) -> None:
        """Lay out a closed fold with the words, the button and the result."""
        with gr.Accordion("Train AdapterFusion beside them", open=False, elem_id="fusion"):
            gr.HTML(views.ABOUT, **BARE)
            self.cost = gr.HTML(**BARE, elem_id="fusion-cost")
            self.start = gr.Button("Train AdapterFusion", elem_id="start-fusion")
            self.refusal = gr.HTML(**BARE, elem_id="fusion-refusal")
            self.result = gr.HTML(**BARE, elem_id="fusion-result")
        self.outputs = [self.cost, self.start, self.result]

    def pieces(self, view: View) -> Iterator[Piece]:
        """What it takes, and what it came to."""
        found = view.session.fusions
        zoo = str(view.session.zoo.folder), view.session.zoo.name
        yield Piece("fusion-cost", zoo, lambda: self._tell(view.session))
        yield Piece(
            "fusion", (id(found), found.version), lambda: {self.result: views.result(found.row)}
        )

    def wire(self, page: Wiring) -> None:
        """Connect the button."""
        page.starts(self.start.click, lambda session: session.fusions.start(), self.refusal)

    def _tell(self, session: Session) -> Drawn:
        try:
            words = views.cost(session.fusions.cost())
        except StudioError as error:  # such as full fine-tunes, which have no adapters
            return {self.cost: refusal(told(error)), self.start: gr.Button(interactive=False)}
        return {self.cost: words, self.start: gr.Button(interactive=True)}
