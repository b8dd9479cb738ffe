"""What a search for coefficients has found: its curves, and an earlier run laid over them."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.session.search import Searches
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.search import results
from studio.ui.wiring import Wiring

_NONE = "none"


class SearchResults(PagePart):
    """The curves of the search that runs or ran last."""

    def build(self) -> None:
        """Lay out the curves, and the choice of a run beside them."""
        self.beside = gr.Dropdown(
            [_NONE], value=_NONE, label="Lay over an earlier run (dashed)", visible=False,
            elem_id="lay-over",
        )  # fmt: skip
        script = static("figures.js")
        self.results = gr.HTML(**BARE, elem_id="coefficients", js_on_load=script)
        self.outputs = [self.beside, self.results]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The curves, as far as they have come."""
        found = view.session.searches
        key = id(found), found.version, found.paused, found.laid_over, found.mixer_words
        yield Piece("search-results", key, partial(self._draw, found))

    def wire(self, page: Wiring) -> None:
        """Connect the choice of a run."""

        def lay_over(session: Session, name: str) -> None:
            session.searches.lay_over("" if name == _NONE else name)

        page.wakes(self.beside.input, lay_over, {"name": self.beside})

    def _draw(self, found: Searches) -> Drawn:
        names = [each.name for each in found.earlier]
        value = found.beside.name if found.beside else _NONE
        return {
            self.beside: gr.Dropdown([_NONE, *names], value=value, visible=bool(names)),
            self.results: results(found.shown, found.paused, found.beside, found.mixer_words),
        }
