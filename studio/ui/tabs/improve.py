"""The Improve tab: everything tried in one ranked table, and the ways to try more."""

from collections.abc import Iterable

import gradio as gr

from studio.session.engine import Engine
from studio.ui.part import PartsTab
from studio.ui.tabs.best import BestSection
from studio.ui.tabs.compare import CompareSection
from studio.ui.tabs.fusion import FusionSection
from studio.ui.tabs.ranking import RankingSection
from studio.ui.tabs.search_results import SearchResults
from studio.ui.tabs.sweep import SweepSection
from studio.ui.view import Piece, View


class ImproveTab(PartsTab):
    """The ranked table, and below it all that puts something there.

    That is the search for the best, the comparison, what a search has found, and the sweep.
    """

    title = "Improve"

    def __init__(self, engine: Engine) -> None:
        kinds = (
            RankingSection, BestSection, CompareSection, FusionSection, SearchResults, SweepSection,
        )  # fmt: skip
        super().__init__(engine, [kind(engine) for kind in kinds])

    def build(self) -> None:
        """Lay out the parts at one left edge."""
        with gr.Column(elem_id="improve"):
            super().build()

    def pieces(self, view: View) -> Iterable[Piece]:
        """Those of all, while the tab is open."""
        return super().pieces(view) if view.opened == self.title else ()
