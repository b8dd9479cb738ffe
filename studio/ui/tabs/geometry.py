"""The Geometry tab: pairs of tasks in one place, layer by layer, and maps of the deltas."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape

import gradio as gr

from studio.geometry.maps import DeltaMap
from studio.geometry.scopes import SCOPES
from studio.session.background import Answer
from studio.session.geometry_studies import Reports
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.browsers import session_of
from studio.ui.charts import delta_maps, layer_heat, matrices, pair_measures
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.geometry import nothing_to_show, order
from studio.ui.wiring import QUIET, Wiring

_KINDS = {title: kind for kind, title in delta_maps.TITLES.items()}
_SOURCES = ("This zoo", "Random deltas of equal norms")


@dataclass(frozen=True)
class _Choices:
    """What the viewer has chosen.

    Attributes:
        scope: 'model', 'layer' or 'tensor'.
        place: which layer or tensor.
        measure: one of ``pair_measures.CHOICES``.
        kind: title of a map.
        source: of the map's deltas.
    """

    scope: str
    place: str | None
    measure: str
    kind: str
    source: str

    @property
    def looked(self) -> tuple[str, str | None, str]:
        """What is shown of the pairs."""
        return self.scope, self.place, self.measure

    @property
    def passes(self) -> bool:
        """Whether the measure needs a pass over the deltas."""
        return pair_measures.needs_pass(self.measure)

    @property
    def random(self) -> bool:
        """Whether the map is of random deltas."""
        return self.source == _SOURCES[1]


class GeometryTab(PagePart):
    """Components that follow the shown mix, and the choices of what they show."""

    title = "Geometry"

    def build(self) -> None:
        """Lay out the tab."""
        script = static("figures.js")
        self.measure = gr.Radio(
            list(pair_measures.CHOICES), value=pair_measures.CHOICES[0], label="Measure",
            elem_id="measure",
        )  # fmt: skip
        with gr.Row():
            self.scope = gr.Radio(
                list(SCOPES), value="model", label="Over", elem_id="scope", min_width=200
            )
            self.place = gr.Dropdown(  # a look may carry the place of a list that is gone by then
                [], label="Which one", visible=False, elem_id="place", min_width=200,
                allow_custom_value=True,
            )  # fmt: skip
        self.matrices = gr.HTML(**BARE, elem_id="matrices", js_on_load=script)
        self.heat = gr.HTML(**BARE, elem_id="heat", js_on_load=script)
        self.order = gr.HTML(**BARE, elem_id="order")
        with gr.Row():
            self.map = gr.Radio(
                list(_KINDS), value="t-SNE", label="Map of the deltas", elem_id="map", min_width=200
            )
            self.source = gr.Radio(
                list(_SOURCES), value=_SOURCES[0], label="Of", elem_id="source", min_width=200
            )
        self.plot = gr.Plot(show_label=False, elem_id="plot", visible=False)
        self.map_words = gr.HTML(**BARE, elem_id="map-words", js_on_load=script)
        self.choices = [self.scope, self.place, self.measure, self.map, self.source]
        self.outputs = [self.matrices, self.heat, self.order, self.plot, self.map_words]

    def pieces(self, view: View) -> Iterator[Piece]:
        """Matrices, heat map, order and map; the deltas are passed over while that is looked at."""
        now, opened = view.snapshot, view.opened == self.title
        chosen = _Choices(*(view.chosen[each] for each in self.choices))
        nothing = nothing_to_show(now)
        there = opened and now.geometry is not None and not nothing
        passing = there and chosen.passes and len(now.recipe.tasks) > 1
        reports = _reports(view, passing)
        if not opened:
            return
        drawn, words = _map(view, chosen, there), order(now)
        seen = id(now.geometry), chosen.looked, id(reports.made), nothing
        yield Piece("matrices", seen, partial(self._draw_matrices, now, chosen, reports))
        yield Piece(
            "heat", (*seen, reports.refusal, reports.share),
            partial(self._draw_heat, now, chosen, reports), pending=passing and reports.pending,
        )  # fmt: skip
        yield Piece("order", words, lambda: {self.order: words})
        yield Piece(
            "map", (id(drawn.made), drawn.refusal, nothing, chosen.kind, chosen.source),
            partial(self._draw_map, nothing, chosen, drawn), pending=there and drawn.pending,
        )  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect the choices, and the rows of the heat map."""

        def list_places(session: Session, scope: str) -> Drawn:
            return {self.place: _places(session.snapshot(), scope)}

        def choose_row(event: gr.EventData, request: gr.Request) -> Drawn:
            clicked = event._data if isinstance(event._data, dict) else {}
            scope, place = clicked.get("scope"), clicked.get("place")
            if scope not in SCOPES:
                return page.awake
            now = session_of(self.engine, request).snapshot()
            return {self.scope: scope, self.place: _places(now, scope, place), **page.awake}

        page.tells(self.scope.input, list_places, {"scope": self.scope}, [self.place]).then(
            **page.look
        )
        shown = [self.scope, self.place, page.timer]
        self.heat.click(choose_row, None, shown, **QUIET).then(**page.look)
        for choice in (self.place, self.measure, self.map, self.source):
            page.wakes(choice.input, lambda session: None)

    def _draw_matrices(self, now: Snapshot, chosen: _Choices, reports: Answer[Reports]) -> Drawn:
        if nothing := nothing_to_show(now):
            return {self.matrices: f"<p>{nothing}</p>"}
        made = reports.made or {}
        return {self.matrices: matrices.matrices(now.geometry, *chosen.looked, made)}

    def _draw_heat(self, now: Snapshot, chosen: _Choices, reports: Answer[Reports]) -> Drawn:
        if nothing_to_show(now):
            return {self.heat: ""}
        return {self.heat: layer_heat.heat(now.geometry, *chosen.looked, reports)}

    def _draw_map(self, nothing: str, chosen: _Choices, drawn: Answer[DeltaMap]) -> Drawn:
        if why := nothing or escape(drawn.refusal):
            return {self.plot: gr.Plot(visible=False), self.map_words: f"<p>{why}</p>"}
        if drawn.made is None:
            return {self.map_words: "<p class='quiet'>Drawing the map …</p>"}
        found, random = drawn.made, chosen.random
        words = delta_maps.saves(found, random) + delta_maps.words(found, random)
        plot = gr.Plot(delta_maps.figure(found), visible=True)
        return {self.plot: plot, self.map_words: words}


def _map(view: View, chosen: _Choices, there: bool) -> Answer[DeltaMap]:
    """Ask for the map that is looked at."""
    session = view.session
    if not there:
        return Answer()
    recipe, kind = view.snapshot.recipe, _KINDS[chosen.kind]
    return session.worker.studies.map(id(session), recipe, kind, chosen.random)


def _reports(view: View, passing: bool) -> Answer[Reports]:
    """Ask for the pass over the deltas, or let go of it."""
    studies, page = view.session.worker.studies, id(view.session)
    if passing:
        return studies.report(page, view.snapshot.recipe)
    studies.leave_report(page)
    return Answer()


def _places(now: Snapshot, scope: str, place: str | None = None) -> gr.Dropdown:
    """The layers or tensors to choose from, and the one that is chosen."""
    found = matrices.places(now.geometry, scope)
    chosen = place if place in found else found[0] if found else None
    return gr.Dropdown(found, value=chosen, visible=bool(found))
