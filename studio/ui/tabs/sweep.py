"""The sweep in the Improve tab: one or two numbers of the mix as a curve or a map."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.search.run import Run
from studio.session.pace import about
from studio.session.session import Session
from studio.session.sweep import SweepWish
from studio.sweep.axis import FACTOR, Axis
from studio.sweep.landscape import Landscape
from studio.sweep.search_path import path_of
from studio.ui.boxes import number_in, whole_in
from studio.ui.charts.contour import figure
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import sweep as views
from studio.ui.wiring import Wiring

_NONE = "none"
_LEVELS = [(f"{2**k + 1} values", k) for k in range(1, 6)]
_STEPS = 20  # of a search between two drawings of its path on a map
_DRAWINGS = 24  # of a map while it grows; each one is mounted anew


class SweepSection(PagePart):
    """What is swept, what that takes, and the landscape."""

    def build(self) -> None:
        """Lay out the section."""
        with gr.Accordion(
            "Sweep one or two numbers of the mix", open=False, elem_id="sweep-fold"
        ) as self.fold:
            self._build()
        self.boxes |= {"levels": self.levels, "rows": self.rows}
        self.menus = [self.boxes["first_name"], self.boxes["second_name"]]
        self.loaded = [self.fold, *self.boxes.values()]
        self.outputs = [
            self.cost, *self.menus, self.results, self.plot, self.notes, self.best,
        ]  # fmt: skip

    def _build(self) -> None:
        script = static("figures.js")
        self.boxes = _axis_boxes("first", "Sweep", "axis-one", FACTOR)
        self.boxes |= _axis_boxes("second", "Against", "axis-two", _NONE)
        with gr.Row():
            self.levels = gr.Dropdown(
                _LEVELS, value=SweepWish().levels, label="At most, per axis (coarse to fine)",
                elem_id="sweep-levels", min_width=140,
            )  # fmt: skip
            self.rows = gr.Number(
                SweepWish().rows, label="Validation rows per task", precision=0, min_width=140,
                elem_id="sweep-rows",
            )  # fmt: skip
        self.cost = gr.HTML(**BARE, elem_id="sweep-takes")
        self.start = gr.Button("Sweep", variant="primary", elem_id="start-sweep")
        self.refusal = gr.HTML(**BARE, elem_id="sweep-refusal")
        self.results = gr.HTML(**BARE, elem_id="sweep-results", js_on_load=script)
        self.best = gr.Button(
            "Show the best point in the mixer", size="sm", visible=False, elem_id="show-sweep-best"
        )
        self.plot = gr.Plot(show_label=False, elem_id=views.PLOT, visible=False)
        self.notes = gr.HTML(**BARE, elem_id="sweep-notes", js_on_load=script)

    def load(self, session: Session) -> Drawn:
        """The boxes, as this browser left them."""
        drawn, wish = self._list_names(session), session.sweeps.wish
        both = zip(("first", "second"), (*wish.axes, (_NONE, None, None)), strict=False)
        for axis, (_, low, high) in both:
            drawn |= {self.boxes[f"{axis}_low"]: low, self.boxes[f"{axis}_high"]: high}
        drawn[self.fold] = gr.Accordion(open=session.sweeps.found is not None)
        return {**drawn, self.levels: wish.levels, self.rows: wish.rows}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What a sweep takes, and the landscape with the path of a search upon it."""
        session, sweeps, run = view.session, view.session.sweeps, view.session.searches.run
        steps = len(run.steps) if run else 0
        on_map = steps if run is None or run.ended else steps // _STEPS
        takes = view.snapshot.recipe.digest, str(sweeps.wish)
        yield Piece("sweep-cost", takes, partial(self._tell_cost, session))
        yield Piece("sweep-names", sweeps.names(), partial(self._list_names, session))
        yield Piece(
            "sweep", (sweeps.version, sweeps.moved(), steps), partial(self._draw, session, run)
        )
        yield Piece(
            "sweep-map", (_drawing(sweeps.found), on_map), partial(self._draw_map, session, run)
        )
        best = sweeps.can_show_best
        yield Piece("sweep-best", best, lambda: {self.best: gr.Button(visible=best)})

    def wire(self, page: Wiring) -> None:
        """Connect the boxes and buttons."""

        def start(session: Session, **boxes: Any) -> None:
            session.sweeps.wish = _wish(**boxes)
            session.sweeps.start()

        numbers = [box for box in self.boxes.values() if box not in self.menus]
        page.tells(
            [box.input for box in numbers], self._choose, self.boxes, [self.cost],
            trigger_mode="always_last",
        )  # fmt: skip
        for axis, name in zip(("first", "second"), self.menus, strict=True):
            ends = [self.boxes[f"{axis}_low"], self.boxes[f"{axis}_high"]]
            page.tells(name.input, partial(self._choose_name, axis), self.boxes, [*ends, self.cost])
        page.starts(self.start.click, start, self.refusal, self.boxes)
        page.edits(self.best.click, lambda session: session.sweeps.show_best())

    def _draw(self, session: Session, run: Run | None) -> Drawn:
        sweeps = session.sweeps
        found, path = sweeps.found, _path(sweeps.found, run)
        return {
            self.results: views.results(found, sweeps.moved(), path),
            self.notes: views.notes(found, path),
        }

    def _draw_map(self, session: Session, run: Run | None) -> Drawn:
        found = session.sweeps.found
        if found is None or len(found.axes) == 1 or not found.known:
            return {self.plot: gr.Plot(visible=False)}
        return {self.plot: gr.Plot(figure(found, _path(found, run)), visible=True)}

    def _choose_name(self, axis: str, session: Session, **boxes: Any) -> Drawn:
        """The ends of another number are empty at first."""
        emptied = {f"{axis}_low": None, f"{axis}_high": None}
        drawn: Drawn = {self.boxes[end]: None for end in emptied}
        return drawn | self._choose(session, **boxes | emptied)

    def _choose(self, session: Session, **boxes: Any) -> Drawn:
        try:
            session.sweeps.wish = _wish(**boxes)
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal))}
        return self._tell_cost(session)

    def _tell_cost(self, session: Session) -> Drawn:
        try:
            _, axes, found = session.sweeps.plan()
            took = session.context.pace.seconds("scores", session.sweeps.passes(found))
            return {self.cost: views.cost(found, axes, about(took))}
        except StudioError as refusal:
            return {self.cost: views.refused(told(refusal))}

    def _list_names(self, session: Session) -> Drawn:
        """The numbers of the mix; what it does not have is chosen no more."""
        sweeps, names = session.sweeps, session.sweeps.names()
        kept = tuple(axis for axis in sweeps.wish.axes if axis[0] in names)
        if kept != sweeps.wish.axes:
            sweeps.wish = replace(sweeps.wish, axes=kept or SweepWish().axes)
        chosen = [axis[0] for axis in sweeps.wish.axes]
        offered = [(Axis(name, 0.0, 1.0).words, name) for name in names]
        first, second = self.menus
        return {
            first: gr.Dropdown(offered, value=chosen[0]),
            second: gr.Dropdown([_NONE, *offered], value=[*chosen, _NONE][1]),
        }


def _axis_boxes(axis: str, label: str, element: str, value: str) -> dict[str, Any]:
    with gr.Row():
        name = gr.Dropdown(  # a look may carry a number of a mix that is gone by then
            [value], value=value, label=label, elem_id=element, min_width=260, scale=2,
            allow_custom_value=True,
        )  # fmt: skip
        low = gr.Number(label="From (empty: usual)", elem_id=f"{element}-from", min_width=110)
        high = gr.Number(label="To (empty: usual)", elem_id=f"{element}-to", min_width=110)
    return {f"{axis}_name": name, f"{axis}_low": low, f"{axis}_high": high}


def _wish(
    first_name: str, first_low: object, first_high: object, second_name: str | None,
    second_low: object, second_high: object, levels: object, rows: object,
) -> SweepWish:  # fmt: skip
    axes = [(first_name, first_low, first_high), (second_name, second_low, second_high)]
    return sweep_wish(axes[:1] if second_name in (None, _NONE) else axes, levels, rows)


def _drawing(found: Landscape | None) -> object:
    if found is None:
        return None
    share = len(found.points) * _DRAWINGS // (2**found.levels + 1) ** 2
    return id(found.here), found.level, share


def _path(found: Landscape | None, run: Run | None) -> views.Path:
    """Of a search of the same method and tasks."""
    if found is None or run is None:
        return ()
    same = (run.before.method, run.before.names) == (found.recipe.method, found.recipe.names)
    return path_of(run, found.axes) if same else ()


def sweep_wish(
    axes: Sequence[tuple[object, object, object]], levels: object, rows: object
) -> SweepWish:
    """What the page's boxes hold, as numbers.

    Args:
        axes: name, from and to of each; a box that is empty is None.
        levels: how often.
        rows: validation rows per task.

    Raises:
        BadRecipe: a box holds no number where one is needed.
    """
    asked = tuple((str(name), _end(low), _end(high)) for name, low, high in axes)
    return SweepWish(asked, whole_in(levels, "Levels"), whole_in(rows, "Validation rows per task"))


def _end(value: object) -> float | None:
    return None if value is None else number_in(value, "From and to of a sweep")
