"""The Geometry tab: cosines before and after, what the order matters, maps of the deltas."""

import gradio as gr

from studio.geometry.scopes import SCOPES
from studio.session.session import Snapshot
from studio.ui import figures, matrices, views
from studio.ui.parts import BARE

_MAPS = {"t-SNE": "tsne", "MDS": "mds"}


class GeometryTab:
    """Components that follow the shown mix, and the choices of what they show."""

    def build(self) -> None:
        """Lay out the tab."""
        with gr.Row():
            self.scope = gr.Radio(
                list(SCOPES), value="model", label="Cosines over", elem_id="scope", min_width=200
            )
            self.place = gr.Dropdown(
                [], label="Which one", visible=False, elem_id="place", min_width=200
            )
        self.matrices = gr.HTML(**BARE, elem_id="matrices")
        self.order = gr.HTML(**BARE, elem_id="order")
        self.map = gr.Radio(list(_MAPS), value="t-SNE", label="Map of the deltas", elem_id="map")
        self.plot = gr.Plot(show_label=False, elem_id="plot", visible=False)
        self.map_words = gr.Markdown(elem_id="map-words")
        self.choices = [self.scope, self.place, self.map]
        self.outputs = [self.matrices, self.order, self.plot, self.map_words]

    def keys(self, now: Snapshot, scope: str, place: str | None, kind: str) -> dict[str, object]:
        """What each part depends on."""
        nothing, drawn = views.nothing_to_show(now), now.geometry
        return {
            "matrices": (id(drawn), scope, place, nothing),
            "order": views.order(now),
            "map": (id(drawn), bool(drawn and drawn.maps), kind, nothing),
        }

    def look(self, now: Snapshot, new: set[str], scope: str, place: str | None, kind: str) -> tuple:
        """The outputs: those that are new, and nothing for the others."""
        return (
            _matrices(now, scope, place) if "matrices" in new else gr.skip(),
            views.order(now) if "order" in new else gr.skip(),
            *(_map(now, kind) if "map" in new else (gr.skip(), gr.skip())),
        )

    def list_places(self, now: Snapshot, scope: str) -> gr.Dropdown:
        """The layers or tensors to choose from."""
        found = matrices.places(now.geometry, scope)
        return gr.Dropdown(found, value=found[0] if found else None, visible=bool(found))


def _matrices(now: Snapshot, scope: str, place: str | None) -> str:
    nothing = views.nothing_to_show(now)
    return f"<p>{nothing}</p>" if nothing else matrices.matrices(now.geometry, scope, place)


def _map(now: Snapshot, kind: str) -> tuple:
    if nothing := views.nothing_to_show(now):
        return gr.Plot(visible=False), nothing
    if not now.geometry or not now.geometry.maps:
        return gr.skip(), "Drawing the map …"
    wanted = [each for each in now.geometry.maps if each.kind == _MAPS[kind]]
    if not wanted:
        few = "t-SNE says nothing about so few points; look at MDS instead."
        return gr.Plot(visible=False), few
    return gr.Plot(figures.figure(wanted[0]), visible=True), figures.words(wanted[0])
