"""The maps of deltas as plotly figures: before and after side by side, one legend."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from studio.disk.csv import csv_text
from studio.geometry.maps import DeltaMap
from studio.geometry.quality import Quality
from studio.ui.charts.lines import COLORS
from studio.ui.charts.saves import plot_saves

TITLES = {"tsne": "t-SNE", "mds": "MDS", "pca": "PCA"}

_SHAPES = ["circle", "diamond", "square", "cross", "triangle-up", "x", "star", "hexagon"]

_POINTS = (
    "Each point is one task in one {unit}, as a unit vector; deltas of different {unit}s count as "
    "orthogonal. "
)
_SHOWS = {
    "tsne": _POINTS
    + "Near points are deltas that point the same way. It does <b>not</b> show: the size of "
    "clusters, the distance between far clusters and the axes mean nothing, and another seed gives "
    "another picture. Settings: {note}.",
    "pca": _POINTS
    + "The axes are the two directions in which the points differ most; {note}. It does <b>not</b> "
    "show what lies along all other directions.",
    "mds": "Each point is one task's whole delta, with its length; distances between points are "
    "true up to what two axes can hold ({note}). It does <b>not</b> show accuracy: orthogonal "
    "deltas can still disturb one another.",
}
_RANDOM = (
    "<b>Random deltas of equal norms</b>, not this zoo: every delta keeps its length in every "
    "tensor and points anywhere (seeded). What looks the same in both pictures says nothing about "
    "the tasks. "
)


def figure(found: DeltaMap) -> go.Figure:
    """Before | after with the same axes, one color and shape per task, one legend."""
    drawn = make_subplots(
        rows=1, cols=2, subplot_titles=("Before", "After"), horizontal_spacing=0.04
    )
    tasks = list(dict.fromkeys(found.tasks))
    for column, points in ((1, found.before), (2, found.after)):
        for number, task in enumerate(tasks):
            trace = _scatter(found, points, number, task)
            drawn.add_trace(trace.update(showlegend=column == 1), row=1, col=column)
    axis = {"showticklabels": False, "gridcolor": "rgba(128,128,128,.25)"}
    axis |= {"zerolinecolor": "rgba(128,128,128,.4)"}
    drawn.update_xaxes(axis, matches="x")
    drawn.update_yaxes(axis, matches="y")
    if found.kind != "tsne":  # distances are read off, so one unit is one length both ways
        drawn.update_yaxes(scaleanchor="x", row=1, col=1)
    drawn.update_layout(
        height=430,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},
        legend={"orientation": "h", "y": -0.05},
    )
    return drawn


def _scatter(found: DeltaMap, points: np.ndarray, number: int, task: str) -> go.Scatter:
    """One task's points; its number decides color and shape."""
    own = [i for i, name in enumerate(found.tasks) if name == task]
    return go.Scatter(
        x=points[own, 0],
        y=points[own, 1],
        mode="markers",
        name=task,
        legendgroup=task,
        text=[found.places[i] for i in own],
        hovertemplate="%{text}<extra>" + task.replace("<", "&lt;") + "</extra>",
        marker={
            "color": COLORS[number % len(COLORS)],
            "symbol": _SHAPES[(number + number // len(COLORS)) % len(_SHAPES)],
            "size": 9 if found.unit != "model" else 14,
            "line": {"width": 0.5, "color": "#888"},
        },
    )


def words(found: DeltaMap, random: bool) -> str:
    """What the picture shows, what it does not, and how far it can be believed; as HTML."""
    shows = _SHOWS[found.kind].format(unit=found.unit, note=found.note)
    return (
        f"<p class='quiet'>{_RANDOM if random else ''}{shows}</p>"
        f"<p class='quiet' id='trust'>{_trust(found.quality)}</p>"
        f"<p class='quiet' id='apart'>{_apart(found)}</p>"
    )


def saves(found: DeltaMap, random: bool) -> str:
    """Buttons that save the map, and its points as CSV."""
    name = f"{TITLES[found.kind]} map" + (" of random deltas" if random else "")
    rows = [
        [when, task, place, *map(float, point)]
        for when, points in (("before", found.before), ("after", found.after))
        for task, place, point in zip(found.tasks, found.places, points, strict=True)
    ]
    return plot_saves(name, csv_text(["when", "task", "place", "x", "y"], rows))


def _trust(found: Quality) -> str:
    if found.trustworthiness is None:
        return "Trustworthiness is not defined for so few points."
    return (
        f"Trustworthiness {found.trustworthiness:.2f}: 1 if the {found.neighbors} nearest points "
        "in the picture are the nearest in full, about 0.5 for points thrown at random."
    )


def _apart(found: DeltaMap) -> str:
    """The silhouettes; between unit vectors of different places they cannot be far from 0."""
    full, plane = found.quality.apart, found.quality.apart_in_plane
    if full is None or plane is None:
        one = "one task is merged" if len(set(found.tasks)) < 2 else "each task is one point"
        return f"Silhouette by task is not defined: {one}."
    return (
        f"Silhouette by task (1 tasks stand apart, 0 they mix, -1 the wrong way round): in full "
        f"{_signed(full[0])} before and {_signed(full[1])} after, in the picture "
        f"{_signed(plane[0])} and {_signed(plane[1])}. In full it stays near 0 whatever the tasks, "
        f"since a task's deltas in different {found.unit}s count as orthogonal."
    )


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"
