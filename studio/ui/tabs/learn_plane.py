"""The landscape in the Learn tab: the plane through the base and two experts, and paths on it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.session.pace import about
from studio.session.planes import PlaneWish
from studio.session.session import Session
from studio.sweep.plane_map import LEVELS, PlaneMap
from studio.ui.boxes import whole_in
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import plane as views
from studio.ui.wiring import Wiring

_SIDES = [(f"{2**k + 1} by {2**k + 1}", k) for k in LEVELS]
_DRAWINGS = 24  # of a map while it grows
_OPENING = (
    "<h2>The landscape around two experts</h2><p class='quiet'>The base and two experts span a "
    "plane of models. Measure how good the models on it are, and see which way each method takes "
    "across it.</p>"
)


class PlaneSection(PagePart):
    """Two tasks to choose, what that takes, and the map."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(_OPENING, **BARE)
        first, wish = [""], PlaneWish()
        with gr.Row(elem_id="plane-boxes"):
            one, other = (
                gr.Dropdown(
                    first, value="", label=label, elem_id=f"plane-{name}", min_width=150,
                    allow_custom_value=True,
                )
                for label, name in (("First task", "one"), ("Second task", "other"))
            )  # fmt: skip
            levels = gr.Dropdown(
                _SIDES, value=wish.levels, label="Models", elem_id="plane-levels", min_width=110
            )
            rows = gr.Number(
                wish.rows, label="Validation rows per task", precision=0, elem_id="plane-rows",
                min_width=130,
            )  # fmt: skip
        self.boxes: dict[str, Any] = {"one": one, "other": other, "levels": levels, "rows": rows}
        self.cost = gr.HTML(**BARE, elem_id="plane-takes")
        self.start = gr.Button("Measure the landscape", size="sm", elem_id="start-plane")
        self.refusal = gr.HTML(**BARE, elem_id="plane-refusal")
        self.shown = gr.Radio(
            list(views.VIEWS), value=views.VIEWS[0], label="Color shows", elem_id="plane-view",
            visible=False,
        )  # fmt: skip
        self.map = gr.HTML(**BARE, elem_id="plane-map", js_on_load=static("figures.js"))
        self.choices = [self.shown]
        self.loaded = [levels, rows]
        self.outputs = [self.cost, one, other, self.shown, self.map]

    def load(self, session: Session) -> Drawn:
        """The boxes, as this browser left them."""
        wish = session.planes.wish
        return {self.boxes["levels"]: wish.levels, self.boxes["rows"]: wish.rows}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What a map takes, and the map with the paths upon it; once the deltas are measured."""
        session, planes = view.session, view.session.planes
        if session.learn.facts() is None:
            return
        tasks = session.context.start.ticked
        yield Piece("plane-tasks", (tasks, planes.wish.tasks), partial(self._list, session))
        takes = str(planes.wish), about(session.context.pace.seconds("plane", 1000))
        yield Piece("plane-cost", takes, partial(self._tell, session))
        run, found, chosen = session.searches.run, planes.found, view.chosen[self.shown]
        drawn = planes.drawn(id(session), run)
        key = _drawing(found), chosen, drawn
        pending = drawn is not None and drawn.pending
        there = found is not None
        yield Piece("plane-view", there, lambda: {self.shown: gr.Radio(visible=there)})
        yield Piece(
            "plane-map", key, lambda: {self.map: views.figure(found, drawn, str(chosen))}, pending
        )

    def wire(self, page: Wiring) -> None:
        """Connect the boxes and the button."""

        def start(session: Session, **boxes: Any) -> None:
            session.planes.wish = _wish(**boxes)
            session.planes.start()

        changes = [box.input for box in self.boxes.values()]
        page.tells(changes, self._choose, self.boxes, [self.cost], trigger_mode="always_last")
        page.starts(self.start.click, start, self.refusal, self.boxes)
        page.wakes(self.shown.input, lambda session: None)

    def _choose(self, session: Session, **boxes: Any) -> Drawn:
        try:
            session.planes.wish = _wish(**boxes)
        except StudioError as error:
            return {self.cost: views.refused(told(error))}
        return self._tell(session)

    def _tell(self, session: Session) -> Drawn:
        try:
            tasks, cost, seconds = session.planes.plan()
        except StudioError as error:
            return {self.cost: views.refused(told(error))}
        later = bool(session.context.bench.scored())
        return {self.cost: views.cost(cost, tasks, about(seconds), later)}

    def _list(self, session: Session) -> Drawn:
        tasks = list(session.context.start.ticked)
        try:
            chosen = session.planes.pair()
        except StudioError:  # the line of what it takes says why
            chosen = (tasks[0], "") if tasks else ("", "")
        both = zip(("one", "other"), chosen, strict=True)
        return {self.boxes[key]: gr.Dropdown(tasks, value=name) for key, name in both}


def _wish(one: object, other: object, levels: object, rows: object) -> PlaneWish:
    tasks = str(one or ""), str(other or "")
    return PlaneWish(tasks, whole_in(levels, "Models"), whole_in(rows, "Validation rows per task"))


def _drawing(found: PlaneMap | None) -> object:
    if found is None:
        return None
    share = len(found.points) * _DRAWINGS // found.total
    return found.plane, found.levels, found.level, share, len(found.corners), found.done
