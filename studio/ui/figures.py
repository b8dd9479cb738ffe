"""The maps of deltas as plotly figures: before and after side by side, one legend."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from studio.geometry.maps import DeltaMap

# Okabe and Ito's colors, dark enough on white and light enough on black; shapes repeat them.
_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#8C6BB1", "#7F7F7F"]
_SHAPES = ["circle", "diamond", "square", "cross", "triangle-up", "x", "star", "hexagon"]

WHAT_TSNE_SHOWS = (
    "Each point is one task in one {unit}, as a unit vector. Near points are deltas that point the "
    "same way; deltas of different {unit}s count as orthogonal. It does **not** show: the size of "
    "clusters, the distance between far clusters and the axes mean nothing, and another seed gives "
    "another picture. Settings: {note}."
)
WHAT_MDS_SHOWS = (
    "Each point is one task's whole delta, with its length; distances between points are true up "
    "to what two axes can hold ({note}). It does **not** show accuracy: orthogonal deltas can "
    "still disturb one another."
)


def figure(found: DeltaMap) -> go.Figure:
    """Before | after with the same axes, one color and shape per task, one legend."""
    drawn = make_subplots(
        rows=1, cols=2, subplot_titles=("Before", "After"), horizontal_spacing=0.04
    )
    tasks = list(dict.fromkeys(found.tasks))
    for column, points in ((1, found.before), (2, found.after)):
        for number, task in enumerate(tasks):
            own = [i for i, name in enumerate(found.tasks) if name == task]
            drawn.add_trace(
                go.Scatter(
                    x=points[own, 0],
                    y=points[own, 1],
                    mode="markers",
                    name=task,
                    legendgroup=task,
                    showlegend=column == 1,
                    text=[found.places[i] for i in own],
                    hovertemplate="%{text}<extra>" + task.replace("<", "&lt;") + "</extra>",
                    marker={
                        "color": _COLORS[number % len(_COLORS)],
                        "symbol": _SHAPES[(number + number // len(_COLORS)) % len(_SHAPES)],
                        "size": 9 if found.unit != "model" else 14,
                        "line": {"width": 0.5, "color": "#888"},
                    },
                ),
                row=1,
                col=column,
            )
    axis = {"showticklabels": False, "gridcolor": "rgba(128,128,128,.25)"}
    axis |= {"zerolinecolor": "rgba(128,128,128,.4)"}
    drawn.update_xaxes(axis, matches="x")
    drawn.update_yaxes(axis, matches="y")
    drawn.update_layout(
        height=430,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},
        legend={"orientation": "h", "y": -0.05},
    )
    return drawn


def words(found: DeltaMap) -> str:
    """What the picture shows, and what it does not."""
    template = WHAT_TSNE_SHOWS if found.kind == "tsne" else WHAT_MDS_SHOWS
    return template.format(unit=found.unit, note=found.note)
