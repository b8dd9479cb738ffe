"""The ranked table in the Improve tab: everything tried on these rows, and what to do next."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.ranking import ranking
from studio.ui.wiring import QUIET, Wiring


class RankingSection(PagePart):
    """The table, whose rows can be put into the mixer."""

    def build(self) -> None:
        """Lay out the table."""
        self.table = gr.HTML(**BARE, elem_id="ranking", js_on_load=static("ranking.js"))
        self.outputs = [self.table]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The table, when something landed in it or the mix has come to rest."""
        why_not = view.snapshot.refusal if view.snapshot.refused else ""
        found = view.session.rankings
        draw = partial(self._draw, view.session, why_not)
        yield Piece("ranking", (id(found), found.key, why_not), draw)

    def wire(self, page: Wiring) -> None:
        """Connect the rows."""

        def use(event: gr.EventData, request: gr.Request) -> Drawn:
            session, clicked = session_of(self.engine, request), event._data
            key = clicked.get("use") if isinstance(clicked, dict) else None
            return {**page.edit(session, partial(session.rankings.use, key)), **page.awake}

        self.table.click(use, None, page.mixed, **QUIET).then(**page.moved)

    def _draw(self, session: Session, why_not: str) -> Drawn:
        return {self.table: ranking(session.rankings, why_not)}
