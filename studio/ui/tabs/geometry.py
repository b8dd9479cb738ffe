"""The Geometry tab: pairs of tasks in one place, layer by layer, and maps of the deltas."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.geometry.maps import DeltaMap
from studio.geometry.scopes import SCOPES
from studio.session.background import Answer
from studio.session.geometry_studies import Reports
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.charts import delta_maps as figures
from studio.ui.charts import layer_heat as heat
from studio.ui.charts import matrices
from studio.ui.charts import pair_measures as measures
from studio.ui.parts import BARE, static
from studio.ui.views import accuracy as views

_KINDS = {title: kind for kind, title in figures.TITLES.items()}
_SOURCES = ("This zoo", "Random deltas of equal norms")


@dataclass(frozen=True)
class Choices:
    """What the viewer has chosen.

    Attributes:
        scope: 'model', 'layer' or 'tensor'.
        place: which layer or tensor.
        measure: one of ``measures.CHOICES``.
        kind: title of a map.
        source: of the map's deltas.
        opened: whether the tab is open.
    """

    scope: str
    place: str | None
    measure: str
    kind: str
    source: str
    opened: bool

    @property
    def random(self) -> bool:
        """Whether the map is of random deltas."""
        return self.source == _SOURCES[1]


@dataclass(frozen=True)
class Studied:
    """What was asked for in the background, as far as it is there."""

    map: Answer[DeltaMap]
    reports: Answer[Reports]
    pending: bool


class GeometryTab:
    """Components that follow the shown mix, and the choices of what they show."""

    def build(self) -> None:
        """Lay out the tab."""
        script = static("figures.js")
        self.open = gr.State("")
        self.measure = gr.Radio(
            list(measures.CHOICES), value=measures.CHOICES[0], label="Measure", elem_id="measure"
        )
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
        self.choices = [
            self.scope, self.place, self.measure, self.map, self.source, self.open,
        ]  # fmt: skip
        self.outputs = [self.matrices, self.heat, self.order, self.plot, self.map_words]

    def study(self, session: Session, now: Snapshot, chosen: Choices) -> Studied:
        """Ask for the map that is looked at, and for the pass over the deltas if it is needed."""
        studies, page, recipe = session.worker.studies, id(session), now.recipe
        drawn, reports = Answer[DeltaMap](), Answer[Reports]()
        there = chosen.opened and now.geometry is not None and not views.nothing_to_show(now)
        if there:
            drawn = studies.map(page, recipe, _KINDS[chosen.kind], chosen.random)
        passing = there and measures.needs_pass(chosen.measure) and len(recipe.tasks) > 1
        if passing:
            reports = studies.report(page, recipe)
        else:
            studies.leave_report(page)
        pending = there and (drawn.pending or (passing and reports.pending))
        return Studied(drawn, reports, pending)

    def keys(self, now: Snapshot, chosen: Choices, studied: Studied) -> dict[str, object]:
        """What each part depends on; a closed tab depends on nothing."""
        if not chosen.opened:
            return {part: None for part in ("matrices", "heat", "order", "map")}
        nothing, seen = views.nothing_to_show(now), id(now.geometry)
        reports = studied.reports
        looked = (chosen.scope, chosen.place, chosen.measure)
        return {
            "matrices": (seen, looked, id(reports.made), nothing),
            "heat": (seen, looked, id(reports.made), reports.refusal, reports.share, nothing),
            "order": views.order(now),
            "map": (id(studied.map.made), studied.map.refusal, nothing, chosen.kind, chosen.source),
        }

    def look(self, now: Snapshot, new: set[str], chosen: Choices, studied: Studied) -> tuple:
        """The outputs: those that are new, and nothing for the others or for a closed tab."""
        new = new if chosen.opened else set()
        return (
            _matrices(now, chosen, studied.reports) if "matrices" in new else gr.skip(),
            _heat(now, chosen, studied.reports) if "heat" in new else gr.skip(),
            views.order(now) if "order" in new else gr.skip(),
            *(_map(now, chosen, studied.map) if "map" in new else (gr.skip(), gr.skip())),
        )

    def list_places(self, now: Snapshot, scope: str) -> gr.Dropdown:
        """The layers or tensors to choose from."""
        found = matrices.places(now.geometry, scope)
        return gr.Dropdown(found, value=found[0] if found else None, visible=bool(found))

    def choose_place(self, now: Snapshot, asked: object) -> tuple:
        """Scope and place of a row of the heat map that was chosen."""
        known = asked if isinstance(asked, dict) else {}
        scope, place = known.get("scope"), known.get("place")
        if scope not in SCOPES:
            return gr.skip(), gr.skip()
        found = matrices.places(now.geometry, scope)
        chosen = place if place in found else found[0] if found else None
        return scope, gr.Dropdown(found, value=chosen, visible=bool(found))


def _matrices(now: Snapshot, chosen: Choices, reports: Answer[Reports]) -> str:
    if nothing := views.nothing_to_show(now):
        return f"<p>{nothing}</p>"
    made = reports.made or {}
    return matrices.matrices(now.geometry, chosen.scope, chosen.place, chosen.measure, made)


def _heat(now: Snapshot, chosen: Choices, reports: Answer[Reports]) -> str:
    if views.nothing_to_show(now):
        return ""
    return heat.heat(now.geometry, chosen.scope, chosen.place, chosen.measure, reports)


def _map(now: Snapshot, chosen: Choices, drawn: Answer[DeltaMap]) -> tuple:
    if nothing := views.nothing_to_show(now):
        return gr.Plot(visible=False), f"<p>{nothing}</p>"
    if drawn.refusal:
        return gr.Plot(visible=False), f"<p>{escape(drawn.refusal)}</p>"
    if drawn.made is None:
        return gr.skip(), "<p class='quiet'>Drawing the map …</p>"
    found, random = drawn.made, chosen.random
    shown = gr.Plot(figures.figure(found), visible=True)
    return shown, figures.saves(found, random) + figures.words(found, random)
