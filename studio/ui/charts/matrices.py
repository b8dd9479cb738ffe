"""A measure of every pair of tasks in one place, as one square: before below, after above."""

from dataclasses import dataclass
from html import escape

from torch import Tensor

from studio.disk.csv import csv_text
from studio.geometry import scopes
from studio.session.geometry import Geometry
from studio.session.geometry_studies import Reports
from studio.ui.charts import pair_measures as measures
from studio.ui.charts.grids import Grid, short, standalone
from studio.ui.charts.pair_measures import Measure
from studio.ui.charts.saves import folded, picture_saves
from studio.ui.charts.shades import legend, shade

_SIZE, _LEFT = 420, 142
_MOST_NUMBERS = 10  # tasks; with more, numbers are in the tooltips and the table
_LONGEST_NAME = 18
_ALONE = (
    "<p>One task is merged: there is nothing to be orthogonal to. "
    "Tick a second task to see cosines.</p>"
)


@dataclass(frozen=True)
class _Half:
    """What stands on one side of the diagonal.

    Attributes:
        measure: how it is read.
        values: ``(n, n)``, of which one half is looked at.
        expected: what unrelated deltas give.
    """

    measure: Measure
    values: Tensor
    expected: float


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
    chosen = {
        measures.SIGNS.title: (measures.SIGNS,),
        measures.COLUMNS.title: (measures.COLUMNS, measures.ROWS),
        measures.ROWS.title: (measures.COLUMNS, measures.ROWS),
    }.get(measure, (measures.COSINE_BEFORE, measures.COSINE_AFTER))
    if geometry.after is None:
        chosen = tuple(each for each in chosen if each is not measures.COSINE_AFTER)
    if chosen[0].passes and not reports:
        return ""  # the heat map says how far the pass is
    halves = [_half(each, geometry, reports, scope, place) for each in chosen]
    where = "" if scope == "model" else f" in {place}"
    return _figure(geometry.before.tasks, halves, where)


def residual_words(geometry: Geometry) -> str:
    """What the cosines are of, and how far they are measured; as HTML."""
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
        left = "is measured once the scores are there; until then, after is by algebra."
    else:
        left = f"<b id='residual'>{geometry.residual:.1e}</b>, measured on the components."
    return (
        f"<p class='quiet'>{measures.COSINE_BEFORE.words} After: the components that the mixer's "
        f"coefficients multiply. Largest cosine left {within[geometry.scope]}: {left}{weighed}</p>"
    )


def _half(
    measure: Measure, geometry: Geometry, reports: Reports, scope: str, place: str | None
) -> _Half:
    pairs = measure.source(geometry, reports, scope)
    chosen = place if place in pairs.places else pairs.places[0]
    return _Half(measure, pairs.at(chosen), float(pairs.expected[pairs.places.index(chosen)]))


def _figure(tasks: tuple[str, ...], halves: list[_Half], where: str) -> str:
    title = f"{_title(halves)}{where}"
    sides = "; ".join(
        f"{side} the diagonal {_sided(half.measure)}: {_most(half)}"
        for side, half in zip(("below", "above"), halves, strict=False)
    )
    files = picture_saves(title, standalone(_grid(tasks, halves, title)), _csv(tasks, halves))
    saves = folded(files, title)
    scale = halves[0].measure.scale
    said = halves[0].measure.words if halves[0].measure.passes else ""
    read = f"<p class='quiet'>{said}</p>" if said else ""
    both = halves[0].measure.middle is not None
    return (
        f"<figure class='pairs'><figcaption><b>{escape(title)}</b>: {sides}.</figcaption>"
        f"<div class='scroll' role='region' tabindex='0' aria-label='{escape(title)}'>"
        f"{_square(tasks, halves, title)}</div>{legend(*scale, both)}{read}{saves}</figure>"
    )


def _title(halves: list[_Half]) -> str:
    if halves[0].measure is measures.COSINE_BEFORE:
        return "Cosines of the pairs"
    return " and ".join(half.measure.title for half in halves).replace(" overlap and", " and")


def _sided(measure: Measure) -> str:
    words = {measures.COSINE_BEFORE: "before", measures.COSINE_AFTER: "after"}
    return words.get(measure, measure.title.lower())


def _most(half: _Half) -> str:
    """The largest cosine, or the mean beside what unrelated deltas give, in a few words."""
    measure = half.measure
    off = half.values.clone().fill_diagonal_(float("nan"))
    known = off[~off.isnan()]
    if not len(known):
        return "no pair of tasks has a number here"
    if measure.middle == 0.0:
        largest = float(known.abs().max())
        printed = f"{largest:.3f}" if largest >= 5e-4 else "below 0.001"
        return f"largest between two tasks <b>{printed}</b>"
    mean, chance = measure.text(float(known.mean())), measure.text(half.expected)
    return f"mean over pairs <b>{mean}</b>, by chance {chance}"


def _square(tasks: tuple[str, ...], halves: list[_Half], title: str) -> str:
    """The table, whose cells carry the pair that they are of."""
    n = len(tasks)
    heads = "".join(
        f"<th scope='col'><abbr title='{escape(name)}'>{j + 1}</abbr></th>"
        for j, name in enumerate(tasks)
    )
    rows = "".join(
        f"<tr><th scope='row' title='{escape(name)}'>{i + 1} "
        f"{escape(short(name, _LONGEST_NAME))}</th>"
        + "".join(_cell(tasks, halves, i, j) for j in range(n))
        + "</tr>"
        for i, name in enumerate(tasks)
    )
    small = "" if n <= _MOST_NUMBERS else " small"
    return (
        f"<table class='square{small}'><caption class='hidden'>{escape(title)}: matrix of {n} "
        f"tasks</caption><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _cell(tasks: tuple[str, ...], halves: list[_Half], i: int, j: int) -> str:
    if i == j:
        return "<td class='same' aria-hidden='true'></td>"
    above = j > i
    if above and len(halves) < 2:
        return "<td aria-hidden='true'></td>"
    half = halves[1 if above else 0]
    measure, value = half.measure, float(half.values[i, j])
    said = f"{_sided(measure)}, {tasks[min(i, j)]} and {tasks[max(i, j)]}"
    pair = f"data-pair='{min(i, j)}-{max(i, j)}'"
    if value != value:
        return f"<td {pair} class='none' title='{escape(said)}: no number'>–</td>"
    printed = measure.text(value) if len(tasks) <= _MOST_NUMBERS else ""
    return (
        f"<td {pair} {shade(measure.share(value))} title='{escape(said)}: "
        f"{round(value, 4) + 0.0:.4f}'>{printed}</td>"
    )


def _grid(tasks: tuple[str, ...], halves: list[_Half], title: str) -> Grid:
    n = len(tasks)
    side = (_SIZE - _LEFT) / n
    cells: list[list[tuple[str, str, str] | None]] = [[None] * n for _ in tasks]
    for i in range(n):
        for j in range(n):
            half = halves[min(int(j > i), len(halves) - 1)]
            value = float(half.values[i, j])
            if i != j and not (j > i and len(halves) < 2) and value == value:
                text = half.measure.text(value) if n <= _MOST_NUMBERS else ""
                cells[i][j] = text, half.measure.color(value, half.measure.limit), ""
    rows = tuple(f"{i + 1} {task}" for i, task in enumerate(tasks))
    notes = tuple(
        f"{side} the diagonal: {_sided(half.measure)}. {half.measure.words}"
        for side, half in zip(("Below", "Above"), halves, strict=False)
    )
    columns = tuple(str(i + 1) for i in range(n))
    return Grid(title, rows, columns, cells, _LEFT, (side, side), notes)


def _csv(tasks: tuple[str, ...], halves: list[_Half]) -> str:
    heads = ["task", "other", *(_sided(half.measure) for half in halves)]
    rows = [
        [tasks[i], tasks[j], *(float(half.values[i, j]) for half in halves)]
        for i in range(len(tasks))
        for j in range(i + 1, len(tasks))
    ]
    return csv_text(heads, rows)
