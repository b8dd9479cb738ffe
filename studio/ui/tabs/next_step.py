"""The end of a tab: what its result means, and what to do next."""

from collections.abc import Callable, Iterator

import gradio as gr

from studio.session.engine import Engine
from studio.session.snapshot import Snapshot
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Piece, View


class NextStep(PagePart):
    """One line that follows the shown mix.

    Args:
        engine: what all pages share.
        name: of the tab, in small letters.
        words: the line as HTML, empty while there is nothing to say.
    """

    def __init__(self, engine: Engine, name: str, words: Callable[[Snapshot], str]) -> None:
        super().__init__(engine)
        self.name, self.words = name, words

    def build(self) -> None:
        """Lay out the line."""
        self.line = gr.HTML(**BARE, elem_id=f"next-{self.name}")
        self.outputs = [self.line]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The line, anew where it says something else."""
        words = self.words(view.snapshot)
        yield Piece(f"next-{self.name}", words, lambda: {self.line: words})
