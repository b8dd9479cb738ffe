"""All numbers: held-out scores of every task beside its expert and its floor, in a fold."""

from collections.abc import Iterator

import gradio as gr

from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Piece, View
from studio.ui.views.accuracy import accuracy, before_accuracy

_FOLD = "<details class='fold' id='scores-fold'><summary>All numbers</summary></details>"


class ScoreTable(PagePart):
    """The table; it is drawn even while another tab is open, since a page opens with it.

    The fold above it is laid out once and the style sheet hides the table while it is closed, so
    that it stays as a person left it however often the table is drawn.
    """

    def build(self) -> None:
        """Lay out the table."""
        self.before = gr.HTML(**BARE, elem_id="before-scores")
        self.head = gr.HTML(_FOLD, **BARE, elem_id="scores-head")
        self.table = gr.HTML(**BARE, elem_id="accuracy")
        self.outputs = [self.before, self.head, self.table]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The table, at every step of the scores, and what is to be known without unfolding it."""
        now = view.snapshot
        there = bool(now.rows)
        told = (now.doubts, there)
        yield Piece("before scores", told, lambda: {self.before: before_accuracy(now)})
        yield Piece("scores head", there, lambda: {self.head: gr.HTML(visible=there)})
        yield Piece("accuracy", view.scores, lambda: {self.table: accuracy(now)})
