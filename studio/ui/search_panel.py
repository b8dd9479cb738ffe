"""The Optimize panel below the mixer: what a search is asked for, and its buttons."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.search.plan import SearchPlan, checked, said
from studio.session.pace import about
from studio.session.search import Searches, passes_of
from studio.session.search_view import GRAINS
from studio.session.session import Session
from studio.ui.boxes import number_in, whole_in
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.tabs.improve import ImproveTab
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import search as views
from studio.ui.wiring import Wiring

_OPTIMIZERS = [("Adam (gradients)", "adam"), ("CMA-ES (values alone)", "cma")]
_LOSSES = [
    ("Labels", "labels"), ("Entropy, needs no labels", "entropy"),
    ("Agreement with each expert, needs no labels", "expert"),
]  # fmt: skip
_BALANCES = [
    ("Uniform: mean loss", "uniform"), ("Adaptive: what is lost most counts most", "adaptive"),
    ("Minimax: the task that loses most", "minimax"), ("Uncertainty: mean log loss", "uncertainty"),
]  # fmt: skip
_CONTROLS = {"pause": "Pause", "resume": "Resume", "stop": "Stop and keep best"}
_MIXES = {"best": "Show what was found in the mixer", "keep": "Keep", "back": "Back"}


class SearchPanel(PagePart):
    """The boxes of a search, by the names of its plan; its buttons, and how far it is."""

    def build(self) -> None:
        """Lay out the controls."""
        with gr.Accordion(
            "Optimize the coefficients", open=False, elem_id="optimize"
        ) as self.panel:
            self._boxes()
            self.cost = gr.HTML(**BARE)
            with gr.Row():
                self.start = gr.Button(
                    "Start", variant="primary", size="sm", min_width=90, elem_id="optimize-start"
                )
                self.buttons = {
                    name: gr.Button(
                        words, size="sm", min_width=90, visible=False, elem_id=f"optimize-{name}"
                    )
                    for name, words in (_CONTROLS | _MIXES).items()
                }
            self.refusal = gr.HTML(**BARE, elem_id="optimize-refusal")
            self.state = gr.HTML(**BARE)
        self.outputs = [self.cost, self.state, self.start, *self.buttons.values()]
        self.loaded = [*self.boxes.values(), self.panel]

    def _boxes(self) -> None:
        optimizer = gr.Radio(_OPTIMIZERS, value="adam", label="Optimizer", elem_id="optimizer")
        granularity = gr.Radio(
            [(words, name) for name, words in GRAINS.items()], value="task",
            label="Coefficients", elem_id="granularity",
        )  # fmt: skip
        budget = gr.Number(
            label="Budget (steps of Adam, candidates of CMA-ES)", precision=0,
            elem_id="optimize-budget",
        )  # fmt: skip
        self.boxes: dict[str, Any] = {
            "optimizer": optimizer, "granularity": granularity, "budget": budget,
        }  # fmt: skip
        with gr.Accordion("More", open=False):
            self.boxes |= _more_boxes()

    def load(self, session: Session) -> Drawn:
        """The boxes, as this browser left them; open while a search runs."""
        wish = session.searches.wish
        drawn: Drawn = {box: getattr(wish, name) for name, box in self.boxes.items()}
        return drawn | ({self.panel: gr.Accordion(open=True)} if session.searches.running else {})

    def pieces(self, view: View) -> Iterator[Piece]:
        """What a search takes, and the buttons that fit the one that runs or ran last."""
        session, found = view.session, view.session.searches
        cost = view.snapshot.recipe.digest, str(found.wish), session.context.pace.row
        yield Piece("search-cost", cost, partial(self._tell_cost, session))
        shows = found.can_show_best, found.can_go_back, found.mixer_words
        key = id(found), found.version, found.paused, *shows
        yield Piece("search-state", key, partial(self._draw, found))

    def wire(self, page: Wiring) -> None:
        """Connect the boxes and buttons."""

        def start(session: Session, **boxes: Any) -> None:
            session.searches.start(search_wish(**boxes))

        page.tells(
            [box.input for box in self.boxes.values()], self._choose, self.boxes, [self.cost],
            trigger_mode="always_last",
        )  # fmt: skip
        page.starts(self.start.click, start, self.refusal, self.boxes, opens=ImproveTab.title)
        buttons = self.buttons
        page.wakes(buttons["pause"].click, lambda session: session.searches.pause())
        page.wakes(buttons["resume"].click, lambda session: session.searches.resume())
        page.wakes(buttons["stop"].click, lambda session: session.searches.stop())
        page.edits(buttons["best"].click, lambda session: session.searches.show_best())
        page.wakes(buttons["keep"].click, lambda session: session.searches.keep())
        page.edits(buttons["back"].click, lambda session: session.searches.show_before())

    def _draw(self, found: Searches) -> Drawn:
        visible = {
            "pause": found.running and not found.paused, "resume": found.paused,
            "stop": found.running, "best": found.can_show_best, "keep": found.can_go_back,
            "back": found.can_go_back,
        }  # fmt: skip
        return {
            self.state: views.state(found.shown, found.paused, found.mixer_words),
            self.start: gr.Button(visible=not found.running),
            **{self.buttons[name]: gr.Button(visible=on) for name, on in visible.items()},
        }

    def _choose(self, session: Session, **boxes: Any) -> Drawn:
        try:
            session.searches.wish = search_wish(**boxes)
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal))}
        return self._tell_cost(session)

    def _tell_cost(self, session: Session) -> Drawn:
        found = session.searches
        try:
            cost, tasks = found.forecast(), session.mix.ticked
            passes = passes_of(session.context, cost)
            seconds = session.context.pace.seconds(found.wish.optimizer, passes)
            return {self.cost: views.cost(found.wish, cost, tasks, about(seconds))}
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal))}


def _more_boxes() -> dict[str, Any]:
    loss = gr.Dropdown(_LOSSES, value="labels", label="Loss", elem_id="optimize-loss")
    balance = gr.Dropdown(
        _BALANCES, value="uniform", label="Balance of the tasks", elem_id="optimize-balance"
    )
    with gr.Row():
        ewc = gr.Number(label="EWC strength (0: off)", min_width=120, elem_id="optimize-ewc")
        anchor = gr.Radio(
            ["experts", "base"], value="experts", label="EWC holds on to", min_width=120,
            elem_id="optimize-anchor",
        )  # fmt: skip
    with gr.Row():
        seed = gr.Number(label="Seed", precision=0, min_width=90, elem_id="optimize-seed")
        rows = gr.Number(label="Rows per task", precision=0, min_width=90, elem_id="optimize-rows")
        at_once = gr.Number(
            label="Rows at once", precision=0, min_width=90, elem_id="optimize-at-once"
        )
    return {
        "loss": loss, "balance": balance, "ewc": ewc, "anchor": anchor, "seed": seed, "rows": rows,
        "at_once": at_once,
    }  # fmt: skip


def search_wish(
    budget: object, ewc: object, seed: object, rows: object, at_once: object, **choices: Any
) -> SearchPlan:
    """What the page's boxes hold, as a plan.

    Args:
        budget: steps or candidates.
        ewc: strength.
        seed: of batches or candidates.
        rows: validation rows per task, at most.
        at_once: rows that the model runs at once.
        choices: optimizer, granularity, loss, balance and anchor.

    Raises:
        BadRecipe: a box holds no number where one is needed, or an impossible one.
    """
    numbers = {"budget": budget, "seed": seed, "rows": rows, "at_once": at_once}
    whole = {name: whole_in(value, said(name).capitalize()) for name, value in numbers.items()}
    strength = number_in(ewc, "EWC strength")
    return checked(SearchPlan(**choices, **whole, ewc=strength))  # type: ignore[arg-type]
