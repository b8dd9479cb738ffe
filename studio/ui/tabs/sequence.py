"""The Over time tab: tasks that arrive one after another, by several methods at once."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from studio.errors import BadRecipe, StudioError
from studio.methods import METHODS
from studio.sequence.sweep import numeric_options
from studio.session.engine import Engine
from studio.session.sequence import SequenceWish
from studio.session.session import Session
from studio.ui.boxes import number_in, whole_in
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.tabs.state_form import StateForm
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import sequence as views
from studio.ui.wiring import Wiring

_GIVEN, _SHUFFLED = "The mixer's order", "Shuffled orders"
_NO_SWEEP = "none"


class SequenceTab(PagePart):
    """What a run is made of, what it takes, and what it has found."""

    title = "Over time"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        forms = [StateForm(engine)]
        self.forms = [form for form in forms if not (form.writes and engine.read_only)]

    def build(self) -> None:
        """Lay out the tab."""
        with gr.Accordion("Methods", open=False, elem_id="sequence-choice") as self.choice:
            self.methods = gr.CheckboxGroup(
                [(each.title, name) for name, each in METHODS.items()],
                label="Methods (the mixer's own as it is set, others as the mixer starts them)",
                elem_id="sequence-methods",
            )
            gr.HTML(views.methods(), **BARE)
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
            self._swept_boxes()
        self.cost = gr.HTML(**BARE, elem_id="sequence-takes")
        self.start = gr.Button("Run the sequence", variant="primary", elem_id="run-sequence")
        self.refusal = gr.HTML(**BARE, elem_id="sequence-refusal")
        script = static("figures.js")
        self.results = gr.HTML(**BARE, elem_id="sequence-results", js_on_load=script)
        self.boxes = {
            "methods": self.methods, "arrival": self.arrival, "orders": self.orders,
            "seed": self.seed, "rows": self.rows, "swept": self.swept, "first": self.first,
            "last": self.last, "step": self.step,
        }  # fmt: skip
        for form in self.forms:
            form.build()
        inner = [each for form in self.forms for each in form.loaded]
        self.loaded = [*self.boxes.values(), self.shuffling, self.choice, *inner]
        self.outputs = [self.cost, self.results, *(x for form in self.forms for x in form.outputs)]

    def _swept_boxes(self) -> None:
        self.swept = gr.Dropdown(
            [_NO_SWEEP, *numeric_options()], value=_NO_SWEEP, label="Method and option",
            elem_id="sequence-sweep",
        )  # fmt: skip
        with gr.Row():
            self.first = gr.Number(0.1, label="From", elem_id="sweep-from", min_width=90)
            self.last = gr.Number(0.9, label="To", elem_id="sweep-to", min_width=90)
            self.step = gr.Number(0.2, label="Step", elem_id="sweep-step", min_width=90)

    def load(self, session: Session) -> Drawn:
        """The boxes, as this browser left them."""
        wish = session.sequences.wish
        swept, first, last, step = wish.sweep or (_NO_SWEEP, 0.1, 0.9, 0.2)
        mixed = wish.orders is not None
        own: Drawn = {
            self.methods: list(wish.methods),
            self.choice: gr.Accordion(label=views.chosen(wish.methods)),
            self.arrival: _SHUFFLED if mixed else _GIVEN,
            self.orders: wish.orders or 5,
            self.seed: wish.seed,
            self.rows: wish.rows,
            self.swept: swept,
            self.first: first,
            self.last: last,
            self.step: step,
            self.shuffling: gr.Row(visible=mixed),
        }
        for form in self.forms:
            own |= form.load(session)
        return own

    def pieces(self, view: View) -> Iterator[Piece]:
        """What a run takes, and the one that runs or ran last."""
        if view.opened != self.title:
            return
        found = view.session.sequences
        takes = view.snapshot.recipe.digest, str(found.wish)
        yield Piece("sequence-cost", takes, partial(self._tell_cost, view.session))
        yield Piece("sequence", found.version, lambda: {self.results: views.results(found.shown)})
        for form in self.forms:
            yield from form.pieces(view)

    def wire(self, page: Wiring) -> None:
        """Connect the boxes and the button."""

        def start(session: Session, **boxes: Any) -> None:
            session.sequences.wish = _wish(**boxes)
            session.sequences.start()

        page.tells(
            [box.input for box in self.boxes.values()], self._choose, self.boxes,
            [self.cost, self.shuffling, self.choice], trigger_mode="always_last",
        )  # fmt: skip
        page.starts(self.start.click, start, self.refusal, self.boxes)
        for form in self.forms:
            form.wire(page)

    def _choose(self, session: Session, arrival: str, **boxes: Any) -> Drawn:
        shown: Drawn = {self.shuffling: gr.Row(visible=arrival == _SHUFFLED)}
        try:
            session.sequences.wish = _wish(arrival, **boxes)
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal)), **shown}
        shown |= {self.choice: gr.Accordion(label=views.chosen(session.sequences.wish.methods))}
        return {**self._tell_cost(session), **shown}

    def _tell_cost(self, session: Session) -> Drawn:
        try:
            return {self.cost: views.cost(session.sequences.plan()[0])}
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal))}


def _wish(
    arrival: str, swept: str | None, first: object, last: object, step: object, **boxes: Any
) -> SequenceWish:
    sweep = None if swept in (None, _NO_SWEEP) else (swept, first, last, step)
    return sequence_wish(shuffle=arrival == _SHUFFLED, sweep=sweep, **boxes)


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
