"""The Coefficients tab: what a search has found, and numbers of the mix swept."""

from collections.abc import Iterable

from studio.session.engine import Engine
from studio.ui.part import PartsTab
from studio.ui.tabs.search_results import SearchResults
from studio.ui.tabs.sweep import SweepSection
from studio.ui.view import Piece, View


class CoefficientsTab(PartsTab):
    """Results of the search, and below them the sweep."""

    title = "Coefficients"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, (SearchResults(engine), SweepSection(engine)))

    def pieces(self, view: View) -> Iterable[Piece]:
        """Those of both, while the tab is open."""
        return super().pieces(view) if view.opened == self.title else ()
