"""The Why tab: tasks as arrows beside their pairs, who disturbs whom, layer by layer, and maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape

import gradio as gr

from studio.geometry.maps import DeltaMap
from studio.geometry.scopes import SCOPES
from studio.geometry.tensor_look import TensorLook
from studio.measure.interference import Interference
from studio.methods.after import SVC
from studio.session.background import Answer
from studio.session.geometry_studies import Counts, Reports
from studio.session.snapshot import Snapshot
from studio.ui.charts import delta_maps, layer_heat, matrices, pair_measures
from studio.ui.charts.counted_directions import counted_view
from studio.ui.charts.tensor_view import tensor_view
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.why import disturbing, meaning, nothing_to_show, opening, order
from studio.ui.wiring import QUIET, Wiring

_KINDS = {title: kind for kind, title in delta_maps.TITLES.items()}
_SOURCES = ("This zoo", "Random deltas of equal norms")
_LAYERS = (
    "<h2 class='part'>Where in the model</h2><p class='quiet'>One row is one layer; choose it to "
    "see its tensors, and a tensor to see what it is made of.</p>"
)
_MAPS = (
    "<h2 class='part'>Maps of the deltas</h2><p class='quiet'>Many points on a flat page, before "
    "and after, beside random ones to compare with.</p>"
)


@dataclass(frozen=True)
class _Choices:
    """What the viewer has chosen.

    Attributes:
        scope: 'model', 'layer' or 'tensor'.
        place: which layer or tensor.
        measure: one of ``pair_measures.CHOICES``.
        kind: title of a map.
        source: of the map's deltas.
        counting: whether shared directions are counted in any mix.
    """

    scope: str
    place: str | None
    measure: str
    kind: str
    source: str
    counting: bool

    @property
    def looked(self) -> tuple[str, str | None, str]:
        """What is shown of the layers."""
        return self.scope, self.place, self.measure

    @property
    def passes(self) -> bool:
        """Whether the measure needs a pass over the deltas."""
        return pair_measures.needs_pass(self.measure)

    @property
    def random(self) -> bool:
        """Whether the map is of random deltas."""
        return self.source == _SOURCES[1]


class WhyTab(PagePart):
    """Components that follow the shown mix, and the choices of what they show."""

    title = "Why"

    def build(self) -> None:
        """Lay out the tab."""
        script = static("figures.js") + static("why.js")
        self.matrices = gr.HTML(**BARE, elem_id="matrices", js_on_load=script)
        with gr.Row(elem_id="disturb-row"):
            self.measure_pairs = gr.Button(
                "Measure who disturbs whom", elem_id="disturb", size="sm", scale=0, min_width=260
            )
            self.disturbing = gr.HTML(**BARE, elem_id="disturbing")
        self.refused = gr.HTML(**BARE, elem_id="disturb-refused")
        gr.HTML(_LAYERS, **BARE)
        self.measure = gr.Radio(
            list(pair_measures.CHOICES), value=pair_measures.CHOICES[0], label="Measure",
            elem_id="measure",
        )  # fmt: skip
        self.scope, self.place = gr.State("model"), gr.State(None)
        self.heat = gr.HTML(**BARE, elem_id="heat", js_on_load=script)
        self.tensor = gr.HTML(**BARE, elem_id="tensor", js_on_load=script)
        self.count = gr.Checkbox(
            label="Count how often the tasks' shared directions are added", elem_id="count"
        )
        self.counted = gr.HTML(**BARE, elem_id="counted")
        self.order = gr.HTML(**BARE, elem_id="order")
        gr.HTML(_MAPS, **BARE)
        with gr.Row():
            self.map = gr.Radio(
                list(_KINDS), value="t-SNE", label="Map of the deltas", elem_id="map", min_width=200
            )
            self.source = gr.Radio(
                list(_SOURCES), value=_SOURCES[0], label="Of", elem_id="source", min_width=200
            )
        self.plot = gr.Plot(show_label=False, elem_id="plot", visible=False)
        self.map_words = gr.HTML(**BARE, elem_id="map-words", js_on_load=script)
        self.meaning = gr.HTML(**BARE, elem_id="why-end")
        self.choices = [self.scope, self.place, self.measure, self.map, self.source, self.count]
        self.outputs = [
            self.matrices, self.disturbing, self.heat, self.tensor, self.counted, self.order,
            self.plot, self.map_words, self.meaning,
        ]  # fmt: skip

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is looked at; the deltas are passed over only while that is."""
        if view.opened != self.title:
            self._leave(view)
            return
        now, chosen = view.snapshot, _Choices(*(view.chosen[each] for each in self.choices))
        there = now.geometry is not None and not nothing_to_show(now)
        yield from self._first(view)
        yield from self._layered(view, chosen, there)
        yield from self._mapped(view, chosen, there)

    def wire(self, page: Wiring) -> None:
        """Connect the choices, the button, and the rows of the heat map."""

        def choose_row(event: gr.EventData) -> Drawn:
            clicked = event._data if isinstance(event._data, dict) else {}
            scope, place = clicked.get("scope"), clicked.get("place")
            if scope not in SCOPES:
                return page.awake
            return {self.scope: scope, self.place: place or None, **page.awake}

        shown = [self.scope, self.place, page.timer]
        self.heat.click(choose_row, None, shown, **QUIET).then(**page.look)
        page.starts(
            self.measure_pairs.click, lambda session: session.disturbances.start(), self.refused
        )
        for choice in (self.measure, self.map, self.source, self.count):
            page.wakes(choice.input, lambda session: None)

    def _first(self, view: View) -> Iterator[Piece]:
        """Picture, pairs, who disturbs whom, order, and what it means."""
        now, pairs = view.snapshot, view.session.disturbances
        found, nothing = pairs.of(now.recipe), nothing_to_show(now)
        seen = id(now.geometry), id(found), nothing
        yield Piece("matrices", seen, partial(self._draw_first, now, found))
        said = disturbing(now, found, pairs.seconds(now.recipe))
        yield Piece("disturbing", said, lambda: {self.disturbing: said})
        words = order(now)
        yield Piece("order", words, lambda: {self.order: words})
        end = meaning(now, found)
        yield Piece("meaning", end, lambda: {self.meaning: end})

    def _layered(self, view: View, chosen: _Choices, there: bool) -> Iterator[Piece]:
        now = view.snapshot
        passing = there and chosen.passes and len(now.recipe.tasks) > 1
        reports = _reports(view, passing)
        seen = id(now.geometry), chosen.looked, id(reports.made), nothing_to_show(now)
        yield Piece(
            "heat", (*seen, reports.refusal, reports.share),
            partial(self._draw_heat, now, chosen, reports), pending=passing and reports.pending,
        )  # fmt: skip
        looked = _tensor(view, chosen, there)
        asked = looked is not None
        yield Piece(
            "tensor", (asked, looked and (id(looked.made), looked.refusal)),
            lambda: {self.tensor: tensor_view(looked) if looked else ""},
            pending=bool(looked and looked.pending),
        )  # fmt: skip

        counts = _counts(view, chosen, there)
        yield Piece(
            "counted", (counts is not None, counts and (id(counts.made), counts.refusal)),
            lambda: {self.counted: counted_view(counts, _floor(now)) if counts else ""},
            pending=bool(counts and counts.pending),
        )  # fmt: skip

    def _mapped(self, view: View, chosen: _Choices, there: bool) -> Iterator[Piece]:
        drawn, nothing = _map(view, chosen, there), nothing_to_show(view.snapshot)
        yield Piece(
            "map", (id(drawn.made), drawn.refusal, nothing, chosen.kind, chosen.source),
            partial(self._draw_map, nothing, chosen, drawn), pending=there and drawn.pending,
        )  # fmt: skip

    def _leave(self, view: View) -> None:
        view.session.worker.studies.leave_report(id(view.session))

    def _draw_first(self, now: Snapshot, found: Interference | None) -> Drawn:
        if nothing := nothing_to_show(now):
            return {self.matrices: f"<p>{nothing}</p>"}
        return {self.matrices: opening(now.geometry, found)}

    def _draw_heat(self, now: Snapshot, chosen: _Choices, reports: Answer[Reports]) -> Drawn:
        if nothing_to_show(now):
            return {self.heat: ""}
        drawn = layer_heat.heat(now.geometry, *chosen.looked, reports)
        several = now.geometry and len(now.geometry.before.tasks) > 1
        if several and chosen.measure != pair_measures.NORM:
            square = chosen.scope != "model" or chosen.passes
            made = reports.made or {}
            drawn += matrices.matrices(now.geometry, *chosen.looked, made) if square else ""
        return {self.heat: drawn}

    def _draw_map(self, nothing: str, chosen: _Choices, drawn: Answer[DeltaMap]) -> Drawn:
        if why := nothing or escape(drawn.refusal):
            return {self.plot: gr.Plot(visible=False), self.map_words: f"<p>{why}</p>"}
        if drawn.made is None:
            return {self.map_words: "<p class='quiet'>Drawing the map …</p>"}
        found, random = drawn.made, chosen.random
        words = delta_maps.words(found, random)
        if found.kind == "mds":
            figure = delta_maps.trails(found, random)
            return {self.plot: gr.Plot(visible=False), self.map_words: figure + words}
        plot = gr.Plot(delta_maps.figure(found), visible=True)
        return {self.plot: plot, self.map_words: words + delta_maps.saves(found, random)}


def _map(view: View, chosen: _Choices, there: bool) -> Answer[DeltaMap]:
    """Ask for the map that is looked at."""
    session = view.session
    if not there:
        return Answer()
    recipe, kind = view.snapshot.recipe, _KINDS[chosen.kind]
    return session.worker.studies.map(id(session), recipe, kind, chosen.random)


def _tensor(view: View, chosen: _Choices, there: bool) -> Answer[TensorLook] | None:
    """Ask for the tensor that is chosen; None if there is none."""
    now, session = view.snapshot, view.session
    if not there or chosen.scope != "tensor" or not chosen.place or now.geometry is None:
        return None
    if chosen.place not in now.geometry.before.names:
        return None
    return session.worker.studies.tensor(id(session), now.recipe, chosen.place)


def _floor(now: Snapshot) -> float | None:
    """The mix's ``svc``; None if it has none."""
    found = now.recipe.options.get(SVC)
    return float(found) if isinstance(found, int | float) else None


def _counts(view: View, chosen: _Choices, there: bool) -> Answer[Counts] | None:
    """Ask how often directions are counted, in a mix that has ``svc`` or where it is wanted."""
    now, session = view.snapshot, view.session
    if not there or not (chosen.counting or _floor(now) is not None):
        return None
    return session.worker.studies.counted(id(session), now.recipe)


def _reports(view: View, passing: bool) -> Answer[Reports]:
    """Ask for the pass over the deltas, or let go of it."""
    studies, page = view.session.worker.studies, id(view.session)
    if passing:
        return studies.report(page, view.snapshot.recipe)
    studies.leave_report(page)
    return Answer()
