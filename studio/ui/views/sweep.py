"""Pure views of a sweep: what it takes, the best point, the curve, the table, what it shows."""

import json
from collections.abc import Sequence
from html import escape

from studio.measure.intervals import Score
from studio.measure.metrics import marked, mean_column
from studio.sweep.axis import Axis
from studio.sweep.landscape import Landscape, SweepCost, SweepPoint
from studio.sweep.tables import landscape_csv, landscape_json, mean_notes
from studio.tasks.metric import LOSS, Metric
from studio.ui.charts import line_figure, lines
from studio.ui.charts.contour import Path, grid
from studio.ui.charts.lines import Chart, Series
from studio.ui.charts.saves import document_saves, plot_saves

PLOT = "landscape-plot"  # id of the plotly figure's component
NOTHING = (
    "<p class='quiet'>Take one or two numbers of the mix over a range, and see where validation "
    "scores are good, where they fall off, and how flat the top is.</p>"
)
_MOST_STEPS = 40  # of a path on a curve; of longer ones a part is drawn
_MEAN, _HERE, _BEST, _PATH = range(4)
_BAND = "half of its interval"
_BOTH = (
    " Tasks have two metrics; the best point is that where accuracies less logarithms of losses "
    "are highest, so a point of accuracy counts as a percent of a loss."
)


def cost(found: SweepCost, axes: Sequence[Axis], took: str = "") -> str:
    """What a sweep takes, before its start; ``took`` in words, empty while it is not known."""
    time = f" It takes {took} at most." if took else ""
    over = " and ".join(f"{axis.words} from {axis.low:g} to {axis.high:g}" for axis in axes)
    return (
        f"<p class='quiet' id='sweep-cost' data-points='{found.points}'>{escape(over)}: at most "
        f"{found.words}.{escape(time)} Points that were measured before are recalled; the best one "
        "is then measured on held-out rows and lands in the table above.</p>"
    )


def refused(sentence: str) -> str:
    """Why there is no sweep of what the boxes hold."""
    return f"<p class='note' id='sweep-cost'>{escape(sentence)}</p>"


def results(found: Landscape | None, moved: bool, path: Path = ()) -> str:
    """The best point, and over one axis the curves.

    Args:
        found: as far as it has come.
        moved: whether the mix is another by now.
        path: of a search, see ``path_of``.
    """
    if found is None:
        return NOTHING
    css = "fine" if found.beyond_noise else "note"
    said = f"<p class='{css}' id='sweep-best'>{escape(found.words)}</p>"
    if moved:
        said += (
            "<p class='quiet' id='sweep-moved'>The mix has changed since; <i>present</i> is the "
            "mix that was swept.</p>"
        )
    curves = _curves(found, path) if len(found.axes) == 1 and found.known else ""
    return f"<div class='sequence' data-points='{len(found.points)}'>{said}{curves}</div>"


def notes(found: Landscape | None, path: Path = ()) -> str:
    """What is seen and what is not, the numbers as a table, and files of them once it is whole."""
    if found is None or not found.known:
        return ""
    holes = dict.fromkeys(point.refusal for point in found.points if point.refusal)
    said = "".join(f"<p class='note'>No number: {escape(each)}</p>" for each in holes)
    return f"{said}{_shows(found, path)}{_table(found)}{_saves(found) if found.done else ''}"


def _shows(found: Landscape, path: Path) -> str:
    names = found.known[0].outcome.scores if found.known[0].outcome else {}
    means = found.known[0].means
    what = " and ".join(mean.metric.name for mean in means)
    halves = " and ".join(
        f"{x.metric.amount(max(p.means[place].half for p in found.known))} {x.metric.unit}"
        for place, x in enumerate(means)
    )
    words = (
        f"{what.capitalize()} on validation rows, the mean over {len(names)} "
        f"{'task' if len(names) == 1 else 'tasks'}, n={found.known[0].rows:,} rows, the same at "
        f"every point. A point's own 95 % interval is at most ± {halves}; points "
        "share their rows, so their differences are surer than that. All other coefficients and "
        f"options are held at the mix's values. It does <b>not</b> show: held-out {what}; what "
        "happens when the others move, too; or what lies between the points"
    )
    words += ", where the map is interpolated." if len(found.axes) == 2 else "."
    metrics = {mean.metric for mean in means}
    words += _BOTH if LOSS in metrics and len(means) > 1 else ""
    words += "".join(f" {each}" for each in mean_notes(found))
    if path:
        words += (
            " The path of the search is projected: its other coefficients moved, too, so what lies "
            f"under it is not the {what} that it had there."
        )
    return f"<p class='quiet' id='sweep-shows'>{words}</p>"


def _curves(found: Landscape, path: Path) -> str:
    known = sorted(found.known, key=_x)
    charts = []
    for place, mean in enumerate(known[0].means):
        charts += _charts(found, known, path, place, mean.metric)
    drawn = (
        line_figure.figure(each, f"<p class='keys'>{lines.legend(each.series)}</p>", found.done)
        for each in charts
    )
    return f"<div class='matrices'>{''.join(drawn)}</div>"


def _charts(
    found: Landscape, known: Sequence[SweepPoint], path: Path, place: int, metric: Metric
) -> list[Chart]:
    """The mean of one metric, and the same by task if there are several."""
    axis = found.axes[0]
    ticks = tuple(float(value) for value in axis.values(2))
    half = "95 % interval of each point as a band."
    points = tuple((_x(p), p.means[place].value, p.means[place].half) for p in known)
    means = Series("mean over tasks", _MEAN, points)
    series = [means, *_marks(found, place), *_walk(found, known, path, place)]
    title = f"Validation {metric.name} by {axis.words}"
    about = metric.percent, metric.limits
    charts = [Chart(title, axis.words, tuple(series), ticks, *about, (half,), _BAND)]
    scores = known[0].outcome.scores if known[0].outcome else {}
    names = [name for name, score in scores.items() if score.metric is metric]
    if len(names) > 1:
        tasks = tuple(
            Series(name, i, tuple((_x(p), _score(p, name).value, None) for p in known))
            for i, name in enumerate(names)
        )
        charts.append(Chart("The same by task", axis.words, tasks, ticks, *about))
    return charts


def _marks(found: Landscape, place: int) -> list[Series]:
    marks = (("present mix", _HERE, found.here), ("best point", _BEST, found.best))
    return [
        Series(name, number, ((_x(point), point.means[place].value, None),))
        for name, number, point in marks
        if point and point.outcome and None not in point.place
    ]


def _walk(found: Landscape, known: Sequence[SweepPoint], path: Path, place: int) -> list[Series]:
    """A search's steps, put on the curve at their values; those beyond its ends are left out."""
    inside = [x for (x,) in path if _x(known[0]) <= x <= _x(known[-1])]
    every = -(-len(inside) // _MOST_STEPS) or 1
    shown = [*inside[:-1:every], *inside[-1:]]
    steps = tuple((x, _height(known, x, place), None) for x in shown)
    if not steps:
        return []
    ends = (("search: start", _PATH + 1, steps[:1]), ("search: end", _PATH + 2, steps[-1:]))
    return [Series("path of the search", _PATH, steps), *(Series(*each) for each in ends)]


def _height(known: Sequence[SweepPoint], x: float, place: int) -> float:
    """The curve at a value, on the straight line between two points."""
    right = next((i for i, point in enumerate(known) if _x(point) >= x), len(known) - 1)
    left = max(right - 1, 0)
    gap = _x(known[right]) - _x(known[left])
    share = (x - _x(known[left])) / gap if gap else 1.0
    low, high = (known[i].means[place].value for i in (left, right))
    return low + share * (high - low)


def _table(found: Landscape) -> str:
    heads, rows = _by_value(found) if len(found.axes) == 1 else _by_both(found)
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    body = "".join(
        f"<tr><th scope='row'>{row[0]}</th>{''.join(f'<td>{x}</td>' for x in row[1:])}</tr>"
        for row in rows
    )
    return (
        "<details><summary>As a table</summary><div class='scroll' tabindex='0' role='region' "
        "aria-label='The sweep as a table'><table class='studio num' id='sweep-table'><thead>"
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def _by_value(found: Landscape) -> tuple[list[str], list[list[str]]]:
    names = list(found.known[0].outcome.scores) if found.known[0].outcome else []
    rows = [
        [f"{_x(p):.4g}", *(x.words for x in p.means), *(_score(p, name).shown for name in names)]
        for p in sorted(found.known, key=_x)
    ]
    heads = [mean_column(mean.metric) for mean in found.known[0].means]
    called = [marked(name, _score(found.known[0], name).metric) for name in names]
    return [found.axes[0].words, *heads, *called], rows


def _by_both(found: Landscape) -> tuple[list[str], list[list[str]]]:
    across, down, points = grid(found)
    heads = [f"{found.axes[1].words} \\ {found.axes[0].words}", *(f"{x:.4g}" for x in across)]
    pairs = zip(reversed(down), reversed(points), strict=True)
    return heads, [[f"{y:.4g}", *(_mean(point) for point in row)] for y, row in pairs]


def _saves(found: Landscape) -> str:
    csv, plain = landscape_csv(found), json.dumps(landscape_json(found), indent=1)
    whole = {"json": ("application/json", plain)}
    if len(found.axes) == 2:
        return plot_saves("sweep map", csv, PLOT) + document_saves("sweep", whole)
    return document_saves("sweep", {"csv": ("text/csv;charset=utf-8", csv), **whole})


def _x(point: SweepPoint) -> float:
    return point.place[0] or 0.0


def _score(point: SweepPoint, task: str) -> Score:
    assert point.outcome is not None
    return point.outcome.scores[task]


def _mean(point: SweepPoint | None) -> str:
    if point is None or point.outcome is None:
        return "–"
    return ", ".join(mean.words for mean in point.means)
