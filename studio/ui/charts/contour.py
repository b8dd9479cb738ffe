"""A landscape of two numbers as a plotly figure: heat while it is coarse, then contours."""

from collections.abc import Sequence

import plotly.graph_objects as go

from studio.measure.metrics import mean_column
from studio.sweep.landscape import Landscape, SweepPoint
from studio.tasks.metric import BOTH, joint
from studio.ui.charts.lines import COLORS

_CONTOURS_FROM = 2  # the level of 5 x 5 points
_PAGE, _LINE = "#111111", "#ffffff"
_GRID = "rgba(128,128,128,.25)"
Path = Sequence[tuple[float, ...]]


def figure(found: Landscape, path: Path = ()) -> go.Figure:
    """The map with every measured point, the present mix, the best point and a search's path.

    Args:
        found: over two axes.
        path: of a search, a value per axis and step; see ``path_of``.
    """
    traces = [_surface(found), _measured(found), _holes(found), *_path(path)]
    traces += [
        _mark("present mix", found.here, "diamond", _LINE, _PAGE),
        _mark("best point", found.best, "star", COLORS[1], _LINE),
    ]
    drawn = go.Figure([each for each in traces if each is not None])
    across, down = (axis.words.replace("<", "&lt;") for axis in found.axes)
    drawn.update_layout(
        height=460,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        coloraxis=_colors(found),
    )
    drawn.update_xaxes(title={"text": across}, gridcolor=_GRID, zeroline=False)
    drawn.update_yaxes(title={"text": down}, gridcolor=_GRID, zeroline=False)
    return drawn


def grid(
    found: Landscape,
) -> tuple[tuple[float, ...], tuple[float, ...], list[list[SweepPoint | None]]]:
    """Values of both axes, and the points by the second and the first, of the finest whole level.

    Before the first level is whole, it is that one, with gaps.
    """
    across, down = (axis.values(max(found.level, 1)) for axis in found.axes)
    return across, down, [[found.at(x, y) for x in across] for y in down]


def _height(point: SweepPoint) -> float:
    """What the map shows: the mean, or of several metrics what the best point has most of."""
    mean, *others = point.means
    if others:
        return 100 * point.worth
    return 100 * mean.value if mean.metric.percent else mean.value


def _colors(found: Landscape) -> dict:
    """Light where it is good: at high accuracy, at low loss."""
    metric = joint(mean.metric for point in found.known for mean in point.means)
    unit = "%" if metric.percent else metric.short
    unit += " of both" if metric is BOTH else ""
    bar = {"title": {"text": unit}, "thickness": 14}
    return {"colorscale": "Viridis", "reversescale": metric.sign < 0, "colorbar": bar}


def _surface(found: Landscape) -> go.Heatmap | go.Contour:
    across, down, points = grid(found)
    heights = [[_height(p) if p and p.outcome else None for p in row] for row in points]
    common = {"x": across, "y": down, "z": heights, "coloraxis": "coloraxis", "hoverinfo": "skip"}
    if found.level < _CONTOURS_FROM:
        return go.Heatmap(**common)
    contours = {"coloring": "heatmap", "showlines": True}
    line = {"width": 0.7, "color": "rgba(255,255,255,.6)"}
    return go.Contour(**common, contours=contours, line=line, ncontours=12, connectgaps=False)


def _measured(found: Landscape) -> go.Scatter:
    known = found.known
    return go.Scatter(
        x=[point.place[0] for point in known],
        y=[point.place[1] for point in known],
        mode="markers",
        showlegend=False,
        text=[_words(point) for point in known],
        hovertemplate="%{x:.4g}, %{y:.4g}<br>%{text}<extra></extra>",
        marker={
            "color": [_height(point) for point in known],
            "coloraxis": "coloraxis",
            "size": 7,
            "line": {"width": 1, "color": _LINE},
        },
    )


def _holes(found: Landscape) -> go.Scatter | None:
    holes = [point for point in found.points if point.outcome is None]
    if not holes:
        return None
    return go.Scatter(
        x=[point.place[0] for point in holes],
        y=[point.place[1] for point in holes],
        mode="markers",
        name="cannot be merged",
        text=[point.refusal.replace("<", "&lt;") for point in holes],
        hovertemplate="%{x:.4g}, %{y:.4g}<br>%{text}<extra></extra>",
        marker={"symbol": "x", "size": 9, "color": "#808080"},
    )


def _mark(
    name: str, point: SweepPoint | None, symbol: str, color: str, line: str
) -> go.Scatter | None:
    if point is None or None in point.place:
        return None
    return go.Scatter(
        x=[point.place[0]],
        y=[point.place[1]],
        mode="markers",
        name=name,
        text=[_words(point) if point.outcome else "cannot be merged"],
        hovertemplate="%{text}<extra>" + name + "</extra>",
        marker={"symbol": symbol, "size": 15, "color": color, "line": {"width": 2, "color": line}},
    )


def _path(path: Path) -> list[go.Scatter]:
    """A dark line on a light one stands out on every color; a circle and a square at its ends."""
    if not path:
        return []
    x, y = ([place[i] for place in path] for i in (0, 1))
    common = {"x": x, "y": y, "mode": "lines", "hoverinfo": "skip"}
    ends = (("search: start", 0, "circle"), ("search: end", -1, "square"))
    return [
        go.Scatter(**common, line={"width": 5, "color": _LINE}, showlegend=False),
        go.Scatter(**common, line={"width": 2, "color": COLORS[1]}, name="path of the search"),
        *(
            go.Scatter(
                x=[x[place]], y=[y[place]], mode="markers", name=name,
                hovertemplate=f"%{{x:.4g}}, %{{y:.4g}}<extra>{name}</extra>",
                marker={
                    "symbol": symbol, "size": 11, "color": COLORS[1],
                    "line": {"width": 2, "color": _LINE},
                },
            )
            for name, place, symbol in ends
        ),
    ]  # fmt: skip


def _words(point: SweepPoint) -> str:
    assert point.outcome is not None
    lines = [f"{mean_column(mean.metric)} {mean.words}" for mean in point.means]
    for name, score in point.outcome.scores.items():
        lines.append(f"{name.replace('<', '&lt;')} {score.shown}, n={score.n:,}")
    return "<br>".join(lines)
