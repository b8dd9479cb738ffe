"""The Optimize panel below the mixer and the Coefficients tab: start, watch, pause, stop, keep."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.search.plan import SearchPlan, checked, said
from studio.session.engine import Engine
from studio.session.search_view import GRAINS
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.boxes import number_in, whole_in
from studio.ui.parts import BARE, QUIET, Edited, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import search as shown

TAB = "Coefficients"
_OPTIMIZERS = [("Adam (gradients)", "adam"), ("CMA-ES (values alone)", "cma")]
_LOSSES = [
    ("Labels", "labels"), ("Entropy, needs no labels", "entropy"),
    ("Agreement with each expert, needs no labels", "expert"),
]  # fmt: skip
_BALANCES = [
    ("Uniform: mean loss", "uniform"), ("Adaptive: what is lost most counts most", "adaptive"),
    ("Minimax: the task that loses most", "minimax"), ("Uncertainty: mean log loss", "uncertainty"),
]  # fmt: skip
_NONE = "none"


class OptimizePanel:
    """What a search is asked for, its buttons, and what it has found."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outputs: list = []  # none before the page is built

    def build(self) -> None:
        """Lay out the controls below the mixer."""
        with gr.Accordion(
            "Optimize the coefficients", open=False, elem_id="optimize"
        ) as self.panel:
            self.optimizer = gr.Radio(
                _OPTIMIZERS, value="adam", label="Optimizer", elem_id="optimizer"
            )
            self.granularity = gr.Radio(
                [(words, name) for name, words in GRAINS.items()], value="task",
                label="Coefficients", elem_id="granularity",
            )  # fmt: skip
            self.budget = gr.Number(
                label="Budget (steps of Adam, candidates of CMA-ES)", precision=0,
                elem_id="optimize-budget",
            )  # fmt: skip
            with gr.Accordion("More", open=False):
                self._more()
            self.cost = gr.HTML(**BARE)
            with gr.Row():
                self.start = gr.Button(
                    "Start", variant="primary", size="sm", min_width=90, elem_id="optimize-start"
                )
                self.pause, self.resume, self.stop, self.best, self.back = (
                    gr.Button(words, size="sm", min_width=90, visible=False, elem_id=name)
                    for words, name in {
                        "Pause": "optimize-pause", "Resume": "optimize-resume",
                        "Stop and keep best": "optimize-stop",
                        "Show the best in the mixer": "optimize-best",
                        "Back to before": "optimize-back",
                    }.items()
                )  # fmt: skip
            self.refusal = gr.HTML(**BARE, elem_id="optimize-refusal")
            self.state = gr.HTML(**BARE)
        self.asked = [
            self.optimizer, self.granularity, self.loss, self.balance, self.anchor, self.budget,
            self.ewc, self.seed, self.rows, self.at_once,
        ]  # fmt: skip

    def build_tab(self) -> None:
        """Lay out the Coefficients tab."""
        script = static("figures.js")
        self.beside = gr.Dropdown(
            [_NONE], value=_NONE, label="Lay over an earlier run (dashed)", visible=False,
            elem_id="lay-over",
        )  # fmt: skip
        self.results = gr.HTML(**BARE, elem_id="coefficients", js_on_load=script)
        self.outputs = [
            self.cost, self.state, self.start, self.pause, self.resume, self.stop, self.best,
            self.back, self.beside, self.results,
        ]  # fmt: skip

    def _more(self) -> None:
        self.loss = gr.Dropdown(_LOSSES, value="labels", label="Loss", elem_id="optimize-loss")
        self.balance = gr.Dropdown(
            _BALANCES, value="uniform", label="Balance of the tasks", elem_id="optimize-balance"
        )
        with gr.Row():
            self.ewc = gr.Number(
                label="EWC strength (0: off)", min_width=120, elem_id="optimize-ewc"
            )
            self.anchor = gr.Radio(
                ["experts", "base"], value="experts", label="EWC holds on to", min_width=120,
                elem_id="optimize-anchor",
            )  # fmt: skip
        with gr.Row():
            self.seed = gr.Number(label="Seed", precision=0, min_width=90, elem_id="optimize-seed")
            self.rows = gr.Number(
                label="Rows per task", precision=0, min_width=90,
                elem_id="optimize-rows",
            )  # fmt: skip
            self.at_once = gr.Number(
                label="Rows at once", precision=0, min_width=90,
                elem_id="optimize-at-once",
            )  # fmt: skip

    def wire(
        self, timer: gr.Timer, tabs: list, mixed: list, moved: dict[str, Any], edited: Edited
    ) -> None:
        """Connect what concerns the panel and its tab alone.

        Args:
            timer: that looks for what is new.
            tabs: outputs of opening a tab, and of the name of the open one.
            mixed: outputs of whatever changes the mix.
            moved: what follows such a change.
            edited: changes the mix of a session and returns ``mixed``.
        """
        gr.on(
            [box.input for box in self.asked], self.choose, self.asked, self.cost,
            trigger_mode="always_last", **QUIET,
        )  # fmt: skip
        self.start.click(self.begin, self.asked, [self.refusal, timer, *tabs], **QUIET)
        for button, act in ((self.pause, "pause"), (self.resume, "resume"), (self.stop, "stop")):
            button.click(self._acting(act), None, timer, **QUIET)
        for button, show in ((self.best, "show_best"), (self.back, "show_before")):
            button.click(self._showing(show, edited), None, mixed, **QUIET).then(**moved)
        self.beside.input(self.lay_over, self.beside, timer, **QUIET)

    def load(self, session: Session) -> tuple:
        """The boxes, as this browser left them; open while a search runs."""
        wish = session.searches.wish
        boxes = (
            wish.optimizer, wish.granularity, wish.loss, wish.balance, wish.anchor, wish.budget,
            wish.ewc, wish.seed, wish.rows, wish.at_once,
        )  # fmt: skip
        return *boxes, gr.Accordion(open=True) if session.searches.running else gr.skip()

    @property
    def loaded(self) -> list:
        """The outputs of ``load``."""
        return [*self.asked, self.panel]

    def keys(self, session: Session, now: Snapshot, opened: bool) -> dict[str, object]:
        """What panel, tab and mixer depend on; a closed tab depends on nothing."""
        found = session.searches
        mine = (id(found), found.version, found.paused)
        return {
            "mixer": (id(found), found.moves) if found.moves else None,
            "optimize-cost": (now.recipe.digest, str(found.wish)),
            "optimize": (*mine, found.can_show_best, found.can_go_back),
            "coefficients": (*mine, found.laid_over) if opened else None,
        }

    def look(self, session: Session, new: set[str], opened: bool) -> tuple:
        """The outputs, if they are new."""
        found = session.searches
        buttons = tuple(gr.skip() for _ in range(7))
        if "optimize" in new:
            going = (
                not found.running, found.running and not found.paused, found.paused,
                found.running, found.can_show_best, found.can_go_back,
            )  # fmt: skip
            visible = (gr.Button(visible=each) for each in going)
            buttons = shown.state(found.shown, found.paused), *visible
        tab = (gr.skip(), gr.skip())
        if opened and "coefficients" in new:
            tab = _beside(session), shown.results(found.shown, found.paused, found.beside)
        return _cost(session) if "optimize-cost" in new else gr.skip(), *buttons, *tab

    def choose(
        self, optimizer: str, granularity: str, loss: str, balance: str, anchor: str,
        budget: float | None, ewc: float | None, seed: float | None, rows: float | None,
        at_once: float | None, request: gr.Request,
    ) -> str:  # fmt: skip
        """What a search of what is chosen takes."""
        session = session_of(self.engine, request)
        try:
            choices = _choices(optimizer, granularity, loss, balance, anchor)
            session.searches.wish = search_wish(choices, budget, ewc, seed, rows, at_once)
        except StudioError as refusal:
            return shown.refused(told(refusal))
        return _cost(session)

    def begin(
        self, optimizer: str, granularity: str, loss: str, balance: str, anchor: str,
        budget: float | None, ewc: float | None, seed: float | None, rows: float | None,
        at_once: float | None, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """Start the job, and open the tab where its curves grow."""
        optimizing = session_of(self.engine, request).searches
        try:
            choices = _choices(optimizer, granularity, loss, balance, anchor)
            optimizing.start(search_wish(choices, budget, ewc, seed, rows, at_once))
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip(), gr.skip(), gr.skip()
        return "", gr.Timer(active=True), gr.Tabs(selected=TAB), TAB

    def lay_over(self, name: str, request: gr.Request) -> gr.Timer:
        """Draw an earlier run beside the last one."""
        session_of(self.engine, request).searches.lay_over("" if name == _NONE else name)
        return gr.Timer(active=True)

    def _acting(self, act: str) -> Callable[[gr.Request], gr.Timer]:
        def do(request: gr.Request) -> gr.Timer:
            getattr(session_of(self.engine, request).searches, act)()
            return gr.Timer(active=True)

        return do

    def _showing(self, show: str, edited: Edited) -> Callable[[gr.Request], tuple]:
        def do(request: gr.Request) -> tuple:
            session = session_of(self.engine, request)
            return edited(session, lambda: getattr(session.searches, show)())

        return do


def _choices(
    optimizer: str, granularity: str, loss: str, balance: str, anchor: str
) -> dict[str, object]:
    return {
        "optimizer": optimizer, "granularity": granularity, "loss": loss, "balance": balance,
        "anchor": anchor,
    }  # fmt: skip


def _beside(session: Session) -> gr.Dropdown:
    """The runs that can be laid over the last one."""
    optimizing = session.searches
    names, chosen = [each.name for each in optimizing.earlier], optimizing.beside
    value = chosen.name if chosen else _NONE
    return gr.Dropdown([_NONE, *names], value=value, visible=bool(names))


def _cost(session: Session) -> str:
    optimizing = session.searches
    try:
        return shown.cost(optimizing.wish, optimizing.forecast())
    except StudioError as refusal:
        return shown.refused(told(refusal))


def search_wish(
    choices: dict[str, object],
    budget: object,
    ewc: object,
    seed: object,
    rows: object,
    at_once: object,
) -> SearchPlan:
    """What the page's boxes hold, as a plan.

    Args:
        choices: optimizer, granularity, loss, balance and anchor.
        budget: steps or candidates.
        ewc: strength.
        seed: of batches or candidates.
        rows: validation rows per task, at most.
        at_once: rows that the model runs at once.

    Raises:
        BadRecipe: a box holds no number where one is needed, or an impossible one.
    """
    numbers = {"budget": budget, "seed": seed, "rows": rows, "at_once": at_once}
    whole = {name: whole_in(value, said(name).capitalize()) for name, value in numbers.items()}
    strength = number_in(ewc, "EWC strength")
    return checked(SearchPlan(**choices, **whole, ewc=strength))  # type: ignore[arg-type]
