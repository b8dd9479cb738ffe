"""The Sequence tab: tasks that arrive one after another, by several methods at once."""

import gradio as gr

from studio.errors import BadRecipe, StudioError
from studio.methods import METHODS
from studio.sequence.sweep import numeric_options
from studio.session.engine import Engine
from studio.session.sequence import SequenceWish
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.boxes import number_in, whole_in
from studio.ui.parts import BARE, QUIET, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import sequence as shown

_GIVEN, _SHUFFLED = "The mixer's order", "Shuffled orders"
_NO_SWEEP = "none"


class SequenceTab:
    """What a run is made of, what it takes, and what it has found."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outputs: list = []  # none before the page is built

    def build(self) -> None:
        """Lay out the tab."""
        self.methods = gr.CheckboxGroup(
            [(each.title, name) for name, each in METHODS.items()],
            label="Methods (the mixer's own as it is set, others at their defaults)",
            elem_id="sequence-methods",
        )
        with gr.Row():
            self.arrival = gr.Radio(
                [_GIVEN, _SHUFFLED], value=_GIVEN, label="Arrival", elem_id="arrival", min_width=260
            )
            self.rows = gr.Number(
                label="Held-out rows per task (empty: all)", precision=0, elem_id="sequence-rows",
                min_width=140,
            )  # fmt: skip
        with gr.Row(visible=False) as self.shuffling:
            self.orders = gr.Number(
                5, label="Orders", precision=0, elem_id="sequence-orders", min_width=140
            )
            self.seed = gr.Number(
                0, label="Seed of the first", precision=0, elem_id="sequence-seed", min_width=140
            )
        with gr.Accordion("Sweep one number of a method", open=False):
            self.swept = gr.Dropdown(
                [_NO_SWEEP, *numeric_options()], value=_NO_SWEEP, label="Method and option",
                elem_id="sequence-sweep",
            )  # fmt: skip
            with gr.Row():
                self.first = gr.Number(0.1, label="From", elem_id="sweep-from", min_width=90)
                self.last = gr.Number(0.9, label="To", elem_id="sweep-to", min_width=90)
                self.step = gr.Number(0.2, label="Step", elem_id="sweep-step", min_width=90)
        self.cost = gr.HTML(**BARE, elem_id="sequence-takes")
        self.start = gr.Button("Run the sequence", variant="primary", elem_id="run-sequence")
        self.refusal = gr.HTML(**BARE, elem_id="sequence-refusal")
        script = static("figures.js")
        self.results = gr.HTML(**BARE, elem_id="sequence-results", js_on_load=script)
        self.asked = [
            self.methods, self.arrival, self.orders, self.seed, self.rows, self.swept, self.first,
            self.last, self.step,
        ]  # fmt: skip
        self.outputs = [self.cost, self.results]

    def wire(self, timer: gr.Timer) -> None:
        """Connect what concerns this tab alone."""
        gr.on(
            [box.input for box in self.asked], self.choose, self.asked, [self.cost, self.shuffling],
            trigger_mode="always_last", **QUIET,
        )  # fmt: skip
        self.start.click(self.run, self.asked, [self.refusal, timer], **QUIET)

    def load(self, session: Session) -> tuple:
        """The boxes, as this browser left them."""
        wish = session.sequences.wish
        target, *limits = wish.sweep or (_NO_SWEEP, 0.1, 0.9, 0.2)
        mixed = wish.orders is not None
        return (
            list(wish.methods), _SHUFFLED if mixed else _GIVEN, wish.orders or 5, wish.seed,
            wish.rows, target, *limits, gr.Row(visible=mixed),
        )  # fmt: skip

    @property
    def loaded(self) -> list:
        """The outputs of ``load``."""
        return [*self.asked, self.shuffling]

    def keys(self, session: Session, now: Snapshot, opened: bool) -> dict[str, object]:
        """What the tab depends on; a closed one depends on nothing."""
        if not opened:
            return {"takes": None, "sequence": None}
        arrivals = session.sequences
        return {"takes": (now.recipe.digest, str(arrivals.wish)), "sequence": arrivals.version}

    def look(self, session: Session, new: set[str]) -> tuple:
        """The outputs, if they are new."""
        return (
            _cost(session) if "takes" in new else gr.skip(),
            shown.results(session.sequences.shown) if "sequence" in new else gr.skip(),
        )

    def choose(
        self, methods: list[str], arrival: str, orders: float | None, seed: float | None,
        rows: float | None, target: str, first: float | None, last: float | None,
        step: float | None, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """What a run of what is chosen takes."""
        row = gr.Row(visible=arrival == _SHUFFLED)
        session = session_of(self.engine, request)
        try:
            sweep = _sweep(target, first, last, step)
            wish = sequence_wish(methods, arrival == _SHUFFLED, orders, seed, rows, sweep)
        except StudioError as refusal:
            return shown.refused(told(refusal)), row
        session.sequences.wish = wish
        return _cost(session), row

    def run(
        self, methods: list[str], arrival: str, orders: float | None, seed: float | None,
        rows: float | None, target: str, first: float | None, last: float | None,
        step: float | None, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """Start the job."""
        arrivals = session_of(self.engine, request).sequences
        try:
            sweep = _sweep(target, first, last, step)
            arrivals.wish = sequence_wish(methods, arrival == _SHUFFLED, orders, seed, rows, sweep)
            arrivals.start()
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip()
        return "", gr.Timer(active=True)


def _sweep(target: str, first: float | None, last: float | None, step: float | None):
    return None if target in (None, _NO_SWEEP) else (target, first, last, step)


def _cost(session: Session) -> str:
    try:
        return shown.cost(session.sequences.plan()[0])
    except StudioError as refusal:
        return shown.refused(told(refusal))


def sequence_wish(
    methods: object, shuffle: bool, orders: object, seed: object, rows: object,
    sweep: tuple[str, object, object, object] | None,
) -> SequenceWish:  # fmt: skip
    """What the page's boxes hold, as numbers.

    Args:
        methods: list of names.
        shuffle: whether orders are drawn.
        orders: how many.
        seed: of the first.
        rows: per task; None for all.
        sweep: ``method.option``, from, to and step; or None.

    Raises:
        BadRecipe: a box holds no number where one is needed.
    """
    if not isinstance(methods, list) or not all(name in METHODS for name in methods):
        raise BadRecipe("The page asked for something unknown; reload the page.")
    count = whole_in(orders, "Orders") if shuffle else None
    start = whole_in(seed, "The seed") if shuffle else 0
    limit = None if rows is None else whole_in(rows, "Rows per task")
    if sweep is None:
        return SequenceWish(tuple(methods), count, start, limit)
    target, *limits = sweep
    first, last, step = (number_in(each, "From, to and step of a sweep") for each in limits)
    return SequenceWish(tuple(methods), count, start, limit, (str(target), first, last, step))
