"""The maps of deltas as plotly figures: before and after side by side, one legend."""

from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from studio.disk.csv import csv_text
from studio.geometry.maps import DeltaMap
from studio.geometry.quality import CLEAR, Quality
from studio.ui.charts.grids import short
from studio.ui.charts.lines import COLORS
from studio.ui.charts.saves import folded, picture_saves, plot_saves
from studio.ui.charts.trail_map import standalone, trail_map

_NAME = (0.32, 0.09)  # of the picture, what a name takes up
TITLES = {"tsne": "t-SNE", "mds": "MDS", "pca": "PCA"}

_UNCOMPARED = {
    "tsne": "What is near is compared with nothing here: this model has no hidden width that its "
    "layers share, so look at the random deltas beside it.",
    "mds": "Rings that a dot has left show what was taken out of a task.",
}
_SHAPES = ["circle", "diamond", "square", "cross", "triangle-up", "x", "star", "hexagon"]

_POINTS = {
    "matrix": "Each point is one task in one weight matrix: the directions of the model's hidden "
    "space (the numbers that all layers read and write) in which that matrix is changed. Points "
    "that stand near each other are changes that use the same directions. ",
    "tensor": "Each point is one task in one tensor, as a unit vector; deltas of different tensors "
    "count as unrelated. ",
    "layer": "Each point is one task in one layer, as a unit vector; deltas of different layers "
    "count as unrelated. ",
}
_SHOWS = {
    "tsne": "It does <b>not</b> show: the size of clusters, the distance between far clusters and "
    "the axes mean nothing, and another seed gives another picture. Settings: {note}.",
    "pca": "The axes are the two directions in which the points differ most; {note}. It does "
    "<b>not</b> show what lies along all other directions.",
    "mds": "A ring is one task's whole delta before, its dot the same after, with its length; "
    "where markers meet, each next one is wider. Distances between points are true up to what two "
    "axes can hold ({note}). It does <b>not</b> show accuracy: orthogonal deltas can still "
    "disturb one another.",
}
_AXES = {
    "tsne": ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)"),
    "pca": ("first direction (cosine)", "second direction (cosine)"),
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
    across, up = _AXES[found.kind]
    axis = {
        "showticklabels": False,
        "title": {"font": {"size": 12}},
        "gridcolor": "rgba(128,128,128,.25)",
    }
    axis |= {"zerolinecolor": "rgba(128,128,128,.4)"}
    drawn.update_xaxes(axis, matches="x", title_text=across)
    drawn.update_yaxes(axis, matches="y")
    drawn.update_yaxes(title_text=up, row=1, col=1)
    for column, points in ((1, found.before), (2, found.after)):
        for task, (x, y) in named_points(found, points).items():
            _name(drawn, task, float(x), float(y), column)
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


def named_points(found: DeltaMap, points: np.ndarray) -> dict[str, np.ndarray]:
    """Per task the point that bears its name: amid its own kind, and off the other names."""
    room = (points.max(0) - points.min(0)).clip(min=1e-12) * _NAME
    chosen: dict[str, np.ndarray] = {}
    for task in dict.fromkeys(found.tasks):
        own = points[[i for i, name in enumerate(found.tasks) if name == task]]
        gaps = np.linalg.norm(own[:, None] - own, axis=2)
        near = np.sort(gaps, axis=1)[:, 1:4]
        crowded = own[np.argsort(near.mean(1) if near.size else gaps[:, 0], kind="stable")]
        free = (
            each for each in crowded
            if all((np.abs(each - other) > room).any() for other in chosen.values())
        )  # fmt: skip
        chosen[task] = next(free, crowded[0])
    return chosen


def _name(drawn: go.Figure, task: str, x: float, y: float, column: int) -> None:
    drawn.add_annotation(
        x=x, y=y, text=short(task, 18).replace("<", "&lt;"), row=1, col=column, showarrow=True,
        arrowhead=0, arrowwidth=1, arrowcolor="#808080", ax=0, ay=-18, font={"size": 11},
    )  # fmt: skip


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
            "size": 8,
            "line": {"width": 0.5, "color": "#888"},
        },
    )


def words(found: DeltaMap, random: bool) -> str:
    """What the picture shows, what it does not, and how far it can be believed; as HTML."""
    shows = _POINTS.get(found.unit, "") + _SHOWS[found.kind].format(note=found.note)
    return (
        f"<p id='structure'>{escape(structure_words(found))}</p>"
        f"<p class='quiet'>{_RANDOM if random else ''}{shows}</p>"
        f"<p class='quiet' id='trust'>{_trust(found.quality)}</p>"
        f"<p class='quiet' id='apart'>{_apart(found)}</p>"
    )


def structure_words(found: DeltaMap) -> str:
    """Whether there is anything to see, decided by numbers that are said."""
    if found.structure is None:
        return _UNCOMPARED.get(found.kind, "")
    seen = found.structure
    numbers = (
        f"of each point's five nearest points, {seen.before:.0%} are of the same task before and "
        f"{seen.after:.0%} after; in random directions {seen.control:.0%} are"
    )
    if not seen.found:
        look = "before and after look alike" if seen.alike else "before and after differ by chance"
        return f"No structure here: {look} ({numbers}; {CLEAR:.0%} more would count)."
    if seen.alike:
        return (
            f"There is structure, the same before and after: each task uses directions of its own "
            f"through the layers ({numbers})."
        )
    more = "less" if seen.after < seen.before else "more"
    return f"There is structure, and {more} of it after: {numbers}."


def trails(found: DeltaMap, random: bool) -> str:
    """The MDS map as a figure of its own, with its files."""
    name = _title(found, random)
    drawn = trail_map(found, f"{name}: {', '.join(found.tasks)}, before and after")
    return f"{drawn}{folded(picture_saves(name, standalone(found), _csv(found)), name)}"


def saves(found: DeltaMap, random: bool) -> str:
    """Buttons that save the map, and its points as CSV."""
    name = _title(found, random)
    return folded(plot_saves(name, _csv(found)), name)


def _title(found: DeltaMap, random: bool) -> str:
    return f"{TITLES[found.kind]} map" + (" of random deltas" if random else "")


def _csv(found: DeltaMap) -> str:
    rows = [
        [when, task, place, *map(float, point)]
        for when, points in (("before", found.before), ("after", found.after))
        for task, place, point in zip(found.tasks, found.places, points, strict=True)
    ]
    return csv_text(["when", "task", "place", "x", "y"], rows)


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
        f"{_signed(plane[0])} and {_signed(plane[1])}.{_NEAR_ZERO.get(found.unit, '')}"
    )


_NEAR_ZERO = {
    unit: " In full it stays near 0 whatever the tasks, since a task's deltas in different "
    f"{unit}s count as orthogonal."
    for unit in ("tensor", "layer")
}


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"
