"""The Compare tab: methods side by side on held-out rows, tuned alike, and one to the mixer."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.methods import FIRST_COMPARED, METHODS
from studio.session.compare import Comparisons
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import compare as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import QUIET, Wiring

_AT_FIRST = list(FIRST_COMPARED)


class CompareTab(PagePart):
    """The choice of methods, and the table that grows while they are measured."""

    title = "Compare"

    def build(self) -> None:
        """Lay out the tab."""
        titles = [(method.title, name) for name, method in METHODS.items()]
        self.methods = gr.CheckboxGroup(
            titles, value=_AT_FIRST, label="Methods, each at its defaults", elem_id="methods"
        )
        with gr.Row():
            self.every = gr.Button("All", size="sm", min_width=64, scale=0, elem_id="all-methods")
            self.none = gr.Button("None", size="sm", min_width=64, scale=0, elem_id="no-methods")
        self.tune = gr.Checkbox(
            label="Tune: also show each with the one scale that is best on validation rows",
            elem_id="tune",
        )
        self.budget = gr.HTML(**BARE, elem_id="compare-budget")
        self.start = gr.Button("Compare", variant="primary", elem_id="start-compare")
        self.refusal = gr.HTML(**BARE, elem_id="compare-refusal")
        self.proposal = gr.HTML(views.NOTHING, **BARE, elem_id="compare-proposal")
        self.results = gr.HTML(**BARE, elem_id="compare-results", js_on_load=static("compare.js"))
        self.heat = gr.HTML(**BARE, elem_id="compare-heat", js_on_load=static("figures.js"))
        self.loaded = [self.budget]
        self.outputs = [self.proposal, self.results, self.heat]

    def load(self, session: Session) -> Drawn:
        """What a comparison would spend."""
        return self._tell_budget(session, _AT_FIRST, False)

    def pieces(self, view: View) -> Iterator[Piece]:
        """The comparison, as far as it has come."""
        if view.opened == self.title:
            found = view.session.comparisons
            yield Piece("compare", (id(found), found.version), partial(self._draw, found))

    def wire(self, page: Wiring) -> None:
        """Connect the choices, the button, and the rows of the table."""
        asked = {"methods": self.methods, "tune": self.tune}
        chosen = [self.methods.change, self.tune.input]
        page.tells(chosen, self._tell_budget, asked, [self.budget], trigger_mode="always_last")
        self.every.click(lambda: list(METHODS), None, self.methods, **QUIET)
        self.none.click(lambda: [], None, self.methods, **QUIET)

        def start(session: Session, methods: list[str], tune: bool) -> None:
            session.comparisons.start(methods, tune)

        def show_row(event: gr.EventData, request: gr.Request) -> Drawn:
            session, clicked = session_of(self.engine, request), event._data
            name = clicked.get("row") if isinstance(clicked, dict) else None
            change = partial(session.comparisons.to_mixer, name)
            return {**page.edit(session, change), **page.awake}

        page.starts(self.start.click, start, self.refusal, asked)
        self.results.click(show_row, None, page.mixed, **QUIET).then(**page.moved)

    def _draw(self, found: Comparisons) -> Drawn:
        return {
            self.proposal: views.proposal(found.table),
            self.results: views.results(found.table),
            self.heat: views.heat(found.table),
        }

    def _tell_budget(self, session: Session, methods: list[str], tune: bool) -> Drawn:
        try:
            words = views.budget(session.comparisons.budget(methods, tune), tune)
        except StudioError as error:
            words = refusal(told(error))
        return {self.budget: words}
