"""A measure of every pair of tasks in one place, as matrices: numbers up to ten tasks."""

from html import escape

from torch import Tensor

from studio.disk.csv import csv_text
from studio.geometry import scopes
from studio.geometry.pairs import Pairs
from studio.session.geometry import Geometry
from studio.session.geometry_studies import Reports
from studio.ui.charts import pair_measures as measures
from studio.ui.charts.grids import Grid, shown, standalone
from studio.ui.charts.pair_measures import Measure
from studio.ui.charts.saves import picture_saves

_SIZE, _LEFT = 420, 142
_MOST_NUMBERS = 10  # tasks; with more, numbers are in the tooltips and the table
_ALONE = (
    "<p>One task is merged: there is nothing to be orthogonal to. "
    "Tick a second task to see cosines.</p>"
)


def places(geometry: Geometry | None, scope: str) -> list[str]:
    """The layers or tensors that a matrix can be shown for."""
    if geometry is None or scope == "model":
        return []
    return list(dict.fromkeys(scopes.labels(geometry.before.names, scope)))


def matrices(
    geometry: Geometry | None, scope: str, place: str | None, measure: str, reports: Reports
) -> str:
    """A measure of all pairs over the model, a layer or a tensor: cosines before and after.

    Args:
        geometry: of the shown merge, or None while it is measured.
        scope: 'model', 'layer' or 'tensor'.
        place: which one.
        measure: one of ``measures.CHOICES``.
        reports: by tensor; empty unless the measure needs a pass over the deltas.
    """
    if geometry is None:
        return "<p class='quiet'>Measuring the deltas …</p>"
    if len(geometry.before.tasks) < 2:
        return _ALONE
    figures = {
        measures.SIGNS.title: (measures.SIGNS,),
        measures.COLUMNS.title: (measures.COLUMNS, measures.ROWS),
        measures.ROWS.title: (measures.COLUMNS, measures.ROWS),
    }.get(measure, (measures.COSINE_BEFORE, measures.COSINE_AFTER))
    if geometry.after is None:
        figures = tuple(each for each in figures if each is not measures.COSINE_AFTER)
    if figures[0].passes and not reports:
        return ""  # the heat map says how far the pass is
    drawn = "".join(
        _figure(each, each.source(geometry, reports, scope), scope, place) for each in figures
    )
    words = f"<p class='quiet'>{figures[0].words}</p>" if figures[0].passes else _words(geometry)
    return f"<div class='matrices'>{drawn}</div>{words}"


def _words(geometry: Geometry) -> str:
    if geometry.after is None:
        words = f"{measures.COSINE_BEFORE.words} {measures.NO_COMPONENTS}"
        return f"<p class='quiet'>{words}</p>"
    within = {"model": "over the whole model", "layer": "in each layer", "tensor": "in each tensor"}
    weighed = (
        " After is measured with every layer weighed alike, as the method does it."
        if geometry.weighed
        else ""
    )
    if geometry.residual is None:
        left = "is measured once the scores are there; until then, After is by algebra."
    else:
        left = f"<b id='residual'>{geometry.residual:.1e}</b>, measured on the components."
    return (
        f"<p class='quiet'>{measures.COSINE_BEFORE.words} After: the components that the mixer's "
        f"coefficients multiply. Largest cosine left {within[geometry.scope]}: {left}{weighed}</p>"
    )


def _figure(measure: Measure, pairs: Pairs, scope: str, place: str | None) -> str:
    chosen = place if place in pairs.places else pairs.places[0]
    values, tasks = pairs.at(chosen), pairs.tasks
    where = "" if scope == "model" else f" in {chosen}"
    name = f"{measure.title}{where}"
    grid = _grid(measure, values, tasks, name)
    most = _most(measure, values, float(pairs.expected[pairs.places.index(chosen)]))
    rows = [[task, *row] for task, row in zip(tasks, values.tolist(), strict=True)]
    csv = csv_text(["task", *tasks], rows)
    return (
        f"<figure><figcaption>{escape(name)}: {most}</figcaption>"
        f"{shown(grid, f'{name}: matrix of {len(tasks)} tasks. {_plain(most)}')}"
        f"{_table(measure, values, tasks, name)}{picture_saves(name, standalone(grid), csv)}"
        "</figure>"
    )


def _most(measure: Measure, values: Tensor, expected: float) -> str:
    """The largest cosine, or the mean beside what unrelated deltas give, in a few words."""
    off = values.clone().fill_diagonal_(float("nan"))
    known = off[~off.isnan()]
    if not len(known):
        return "no pair of tasks has a number here"
    if measure.middle == 0.0:
        largest = float(known.abs().max())
        printed = f"{largest:.3f}" if largest >= 5e-4 else f"{largest:.0e}"
        return f"largest between two tasks <b>{printed}</b>"
    mean, chance = measure.text(float(known.mean())), measure.text(expected)
    return f"mean over pairs <b>{mean}</b>, by chance {chance}"


def _grid(measure: Measure, values: Tensor, tasks: tuple[str, ...], name: str) -> Grid:
    n = len(tasks)
    side = (_SIZE - _LEFT) / n
    printed = n <= _MOST_NUMBERS
    cells = [
        [
            None
            if value != value
            else (
                measure.text(value) if printed else "",
                measure.color(value, measure.limit),
                f"{tasks[i]} and {tasks[j]}: {round(value, 4) + 0.0:.4f}",
            )
            for j, value in enumerate(row)
        ]
        for i, row in enumerate(values.tolist())
    ]
    rows = tuple(f"{i + 1} {task}" for i, task in enumerate(tasks))
    columns = tuple(str(i + 1) for i in range(n))
    return Grid(name, rows, columns, cells, _LEFT, (side, side), (measure.words,))


def _table(measure: Measure, values: Tensor, tasks: tuple[str, ...], name: str) -> str:
    head = "".join(f"<th scope='col'>{escape(task)}</th>" for task in tasks)
    body = "".join(
        f"<tr><th scope='row'>{escape(task)}</th>"
        + "".join(f"<td>{'–' if x != x else f'{round(x, 4) + 0.0:.4f}'}</td>" for x in row)
        + "</tr>"
        for task, row in zip(tasks, values.tolist(), strict=True)
    )
    return (
        f"<details><summary>{escape(name)} as a table</summary><div class='scroll' tabindex='0' "
        f"role='region' aria-label='{escape(name)} as a table'><table class='studio num'><thead>"
        f"<tr><th scope='col'>task</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        "</details>"
    )


def _plain(text: str) -> str:
    return text.replace("<b>", "").replace("</b>", "")
