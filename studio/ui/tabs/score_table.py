"""All numbers: held-out scores of every task beside its expert and its floor."""

from collections.abc import Iterator

import gradio as gr

from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Piece, View
from studio.ui.views.accuracy import accuracy


class ScoreTable(PagePart):
    """The table; it is drawn even while another tab is open, since a page opens with it."""

    def build(self) -> None:
        """Lay out the table."""
        gr.Markdown("### All numbers", elem_classes="step")
        self.table = gr.HTML(**BARE, elem_id="accuracy")
        self.outputs = [self.table]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The table, at every step of the scores."""
        now = view.snapshot
        yield Piece("accuracy", view.scores, lambda: {self.table: accuracy(now)})
