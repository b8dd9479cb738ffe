"""The comparison: methods side by side on held-out rows, tuned alike, and one to the mixer."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.methods import FIRST_COMPARED, METHODS
from studio.session.compare import Comparisons
from studio.session.pace import about
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


class CompareSection(PagePart):
    """The choice of methods, and the table that grows while they are measured."""

    def build(self) -> None:
        """Lay out the usual comparison, the choice of another one, and what was found."""
        gr.HTML("<h3>Compare methods</h3>", **BARE, elem_id="compare-heading")
        self.usual = gr.Button(views.usual(""), variant="primary", elem_id="compare-usual")
        gr.HTML(views.ABOUT, **BARE)
        with gr.Accordion("Choose the methods yourself", open=False, elem_id="compare-choice"):
            self._build_choice()
        self.refusal = gr.HTML(**BARE, elem_id="compare-refusal")
        self.proposal = gr.HTML(views.NOTHING, **BARE, elem_id="compare-proposal")
        with gr.Accordion(
            "The last comparison in full", open=False, visible=False, elem_id="compare-full"
        ) as self.full:
            script = static("compare.js")
            self.results = gr.HTML(**BARE, elem_id="compare-results", js_on_load=script)
            self.heat = gr.HTML(**BARE, elem_id="compare-heat", js_on_load=static("figures.js"))
        self.loaded = [self.budget]
        self.outputs = [self.usual, self.proposal, self.full, self.results, self.heat]

    def _build_choice(self) -> None:
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
        self.start = gr.Button("Compare these", elem_id="start-compare")

    def load(self, session: Session) -> Drawn:
        """What a comparison would spend."""
        return self._tell_budget(session, _AT_FIRST, False)

    def pieces(self, view: View) -> Iterator[Piece]:
        """The comparison, as far as it has come."""
        found, pace = view.session.comparisons, view.session.context.pace
        yield Piece("compare", (id(found), found.version), partial(self._draw, found))
        yield Piece("compare-usual", (id(pace), pace.row), partial(self._tell_usual, view.session))

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
        page.starts(
            self.usual.click, lambda session: session.comparisons.start(_AT_FIRST, False),
            self.refusal,
        )  # fmt: skip
        self.results.click(show_row, None, page.mixed, **QUIET).then(**page.moved)

    def _draw(self, found: Comparisons) -> Drawn:
        return {
            self.proposal: views.proposal(found.table),
            self.full: gr.Accordion(visible=found.table is not None),
            self.results: views.results(found.table),
            self.heat: views.heat(found.table),
        }

    def _tell_budget(self, session: Session, methods: list[str], tune: bool) -> Drawn:
        try:
            budget = session.comparisons.budget(methods, tune)
            words = views.budget(budget, tune, self._takes(session, methods, tune))
        except StudioError as error:
            words = refusal(told(error))
        return {self.budget: words}

    def _tell_usual(self, session: Session) -> Drawn:
        try:
            took = self._takes(session, _AT_FIRST, False)
        except StudioError:  # it is said when it is pressed
            took = ""
        return {self.usual: gr.Button(views.usual(took))}

    def _takes(self, session: Session, methods: list[str], tune: bool) -> str:
        passes = session.comparisons.passes(methods, tune)
        return about(session.context.pace.seconds("scores", passes))
