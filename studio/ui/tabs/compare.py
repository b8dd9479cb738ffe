"""The Compare tab: methods side by side on held-out rows, tuned alike, and one to the mixer."""

import gradio as gr

from studio.errors import StudioError
from studio.methods import FIRST_COMPARED, METHODS
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.parts import BARE, QUIET, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import compare as shown

_AT_FIRST = list(FIRST_COMPARED)


class CompareTab:
    """The choice of methods, and the table that grows while they are measured."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outputs: list = []  # none before the page is built

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
        self.proposal = gr.HTML(shown.NOTHING, **BARE, elem_id="compare-proposal")
        self.results = gr.HTML(**BARE, elem_id="compare-results", js_on_load=_script("compare"))
        self.heat = gr.HTML(**BARE, elem_id="compare-heat", js_on_load=_script("figures"))
        self.outputs = [self.proposal, self.results, self.heat]

    def wire(self, timer: gr.Timer) -> None:
        """Connect what concerns this tab alone."""
        asked = [self.methods, self.tune]
        told = {"fn": self.tell_budget, "inputs": asked, "outputs": self.budget, **QUIET}
        gr.on([self.methods.change, self.tune.input], trigger_mode="always_last", **told)
        self.every.click(lambda: list(METHODS), None, self.methods, **QUIET)
        self.none.click(lambda: [], None, self.methods, **QUIET)
        self.start.click(self.start_comparison, asked, [self.refusal, timer], **QUIET)

    def load(self, session: Session) -> str:
        """The budget of a page that was opened."""
        return _budget(session, _AT_FIRST, False)

    @property
    def loaded(self) -> list:
        """The outputs of ``load``."""
        return [self.budget]

    def keys(self, session: Session, opened: bool) -> dict[str, object]:
        """What the tab depends on; a closed one depends on nothing."""
        return {
            "compare": (id(session.comparisons), session.comparisons.version) if opened else None
        }

    def look(self, session: Session, new: set[str]) -> tuple:
        """The outputs, if they are new."""
        if "compare" not in new:
            return tuple(gr.skip() for _ in self.outputs)
        table = session.comparisons.table
        return shown.proposal(table), shown.results(table), shown.heat(table)

    def tell_budget(self, methods: list[str], tune: bool, request: gr.Request) -> str:
        """What the chosen comparison would spend."""
        return _budget(session_of(self.engine, request), methods, tune)

    def start_comparison(self, methods: list[str], tune: bool, request: gr.Request) -> tuple:
        """Start the job."""
        try:
            session_of(self.engine, request).comparisons.start(methods, tune)
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip()
        return "", gr.Timer(active=True)


def _budget(session: Session, methods: list[str], tune: bool) -> str:
    try:
        return shown.budget(session.comparisons.budget(methods, tune), tune)
    except StudioError as refusal:
        return views.refusal(told(refusal))


def _script(name: str) -> str:
    return static(f"{name}.js")
