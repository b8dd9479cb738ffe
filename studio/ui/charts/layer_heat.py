"""The model layer by layer: a table of colored numbers, with each layer's tensors a click away."""

from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor

from studio.disk.csv import csv_text
from studio.geometry.pairs import Pairs
from studio.geometry.scopes import labels, layer_of
from studio.session.background import Answer
from studio.session.geometry import Geometry
from studio.session.geometry_studies import Reports
from studio.ui.charts.grids import Grid, ink_on, rising, standalone
from studio.ui.charts.pair_measures import COSINE_AFTER, MEASURES, NO_COMPONENTS, NORM, Measure
from studio.ui.charts.saves import picture_saves

_MOST_PAIRED = 6  # tasks whose pairs each get a column
_NORM_WORDS = "Length of each task's raw delta (Euclidean norm)."
_MEANS = " With more than six tasks, a column is one task: the mean over its pairs"


@dataclass(frozen=True)
class _Sheet:
    """What the table shows.

    Attributes:
        title: of the figure.
        words: how it is read.
        rows: layers or tensors.
        heads: short and full name of each column.
        values: ``(rows, columns)``; NaN where there is no number.
        texts: the same, printed.
        colors: the same, as colors.
        expected: printed value of unrelated deltas per row; empty if there is none.
    """

    title: str
    words: str
    rows: tuple[str, ...]
    heads: tuple[tuple[str, str], ...]
    values: Tensor
    texts: list[list[str]]
    colors: list[list[str]]
    expected: tuple[str, ...]


def heat(
    geometry: Geometry | None, scope: str, place: str | None, measure: str, found: Answer[Reports]
) -> str:
    """The heat map of layers, or of the tensors of the layer that was chosen.

    Args:
        geometry: of the shown merge, or None while it is measured.
        scope: 'model', 'layer' or 'tensor'.
        place: which layer or tensor is chosen.
        measure: one of ``measures.CHOICES``.
        found: the pass over the deltas; looked at only if the measure needs it.
    """
    if geometry is None:
        return ""
    tasks = geometry.before.tasks
    if len(tasks) < 2 and measure != NORM:
        return "<p>Pairs of tasks need two tasks; <b>Norm</b> can be shown for one.</p>"
    needed = MEASURES.get(measure)
    if needed is COSINE_AFTER and geometry.after is None:
        return f"<p>{NO_COMPONENTS}</p>"
    if needed and needed.passes and found.made is None:
        return _waiting(found)
    names = geometry.before.names
    layer = None if scope == "model" or not place else _layer(scope, place)
    if layer not in labels(names, "layer"):
        layer = None
    within = "tensor" if layer else "layer"
    rows = tuple(dict.fromkeys(labels(names, within)))
    if layer:
        rows = tuple(name for name in rows if layer_of(name) == layer)
    if needed is None:
        sheet = _norms(geometry, within, rows)
    else:
        sheet = _pairs(needed, needed.source(geometry, found.made or {}, within).only(rows))
    return f"{_trail(scope, layer, place)}{_table(sheet, within, place)}{_below(sheet, tasks)}"


def _layer(scope: str, place: str) -> str:
    return layer_of(place) if scope == "tensor" else place


def _waiting(found: Answer[Reports]) -> str:
    if found.refusal:
        return f"<p>{escape(found.refusal)}</p>"
    return (
        "<p class='job'>Reading all deltas once and decomposing every matrix "
        f"<progress value='{found.share:.3f}' max='1' aria-label='tensors done'></progress>"
        f" {found.share:.0%} <span class='quiet words'>{escape(found.words)}</span></p>"
    )


def _norms(geometry: Geometry, within: str, rows: tuple[str, ...]) -> _Sheet:
    places, grouped = geometry.before.grouped(within)
    index = torch.tensor([places.index(row) for row in rows], dtype=torch.long)
    values = grouped.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()[index]  # (rows, n)
    limit = float(values.max())
    heads = tuple((str(i + 1), task) for i, task in enumerate(geometry.before.tasks))
    texts = [[f"{value:.3g}" for value in row] for row in values.tolist()]
    colors = [[rising(value, limit) for value in row] for row in values.tolist()]
    return _Sheet(NORM, _NORM_WORDS, rows, heads, values, texts, colors, ())


def _pairs(measure: Measure, pairs: Pairs) -> _Sheet:
    n, words = len(pairs.tasks), measure.words
    if n <= _MOST_PAIRED:
        i, j = torch.triu_indices(n, n, offset=1)
        values = pairs.values[:, i, j]
        heads = tuple(
            (f"{a + 1}·{b + 1}", f"{pairs.tasks[a]} and {pairs.tasks[b]}")
            for a, b in zip(i.tolist(), j.tolist(), strict=True)
        )
    else:
        signed = measure.middle == 0.0
        off = (pairs.values.abs() if signed else pairs.values).clone()
        off.diagonal(dim1=-2, dim2=-1).fill_(float("nan"))
        values = off.nanmean(-1)
        heads = tuple((str(k + 1), f"{task} and others") for k, task in enumerate(pairs.tasks))
        words += _MEANS + (", signs left out." if signed else ".")
    rows = values.tolist()
    limit = max((measure.distance(x) for row in rows for x in row if x == x), default=0.0)
    texts = [["–" if x != x else measure.text(x) for x in row] for row in rows]
    colors = [["" if x != x else measure.color(x, limit) for x in row] for row in rows]
    by_chance = tuple("–" if x != x else measure.text(x) for x in pairs.expected.tolist())
    expected = by_chance if measure.middle is None else ()
    return _Sheet(measure.title, words, pairs.places, heads, values, texts, colors, expected)


def _trail(scope: str, layer: str | None, place: str | None) -> str:
    """Where the viewer is, and the way back up."""
    if layer is None:
        return "<p class='trail'>Whole model, by layer. Choose a layer to see its tensors.</p>"
    top = "<button type='button' data-scope='model' data-place=''>Whole model</button>"
    if scope == "layer":
        return f"<p class='trail'>{top} › <b>{escape(layer)}</b>, by tensor</p>"
    return (
        f"<p class='trail'>{top} › <button type='button' data-scope='layer' "
        f"data-place='{escape(layer)}'>{escape(layer)}</button> › <b>{escape(place or '')}</b></p>"
    )


def _table(sheet: _Sheet, within: str, place: str | None) -> str:
    heads = "".join(
        f"<th scope='col'><abbr title='{escape(full)}'>{escape(head)}</abbr></th>"
        for head, full in sheet.heads
    )
    if sheet.expected:
        heads += "<th scope='col'><abbr title='expected of random subspaces'>random</abbr></th>"
    body = "".join(_row(sheet, i, within, place) for i in range(len(sheet.rows)))
    return (
        f"<div class='scroll' role='region' tabindex='0' aria-label='{sheet.title} by {within}'>"
        f"<table class='studio heat'><caption>{sheet.title} by {within}</caption><thead><tr>"
        f"<th scope='col'>{within}</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(sheet: _Sheet, i: int, within: str, place: str | None) -> str:
    name = sheet.rows[i]
    shown = name.removeprefix(layer_of(name) + ".") if within == "tensor" else name
    current = " aria-current='true'" if name == place else ""
    label = escape(shown).replace(".", ".<wbr>")
    cells = []
    for (_, full), text, color in zip(sheet.heads, sheet.texts[i], sheet.colors[i], strict=True):
        style = f" style='background:{color};color:{ink_on(color)}'" if color else ""
        cells.append(f"<td title='{escape(full)}: {text}'{style}>{text}</td>")
    if sheet.expected:
        cells.append(f"<td class='quiet'>{sheet.expected[i]}</td>")
    return (
        f"<tr><th scope='row'><button type='button' data-scope='{within}' data-place="
        f"'{escape(name)}' title='{escape(name)}'{current}>{label}</button></th>"
        f"{''.join(cells)}</tr>"
    )


def _below(sheet: _Sheet, tasks: tuple[str, ...]) -> str:
    numbered = ", ".join(f"{i + 1} {task}" for i, task in enumerate(tasks))
    extra = ["random subspaces"] if sheet.expected else []
    rows = [
        [name, *values, *sheet.expected[i : i + 1]]
        for i, (name, values) in enumerate(zip(sheet.rows, sheet.values.tolist(), strict=True))
    ]
    csv = csv_text(["place", *(full for _, full in sheet.heads), *extra], rows)
    saves = picture_saves(f"{sheet.title} by place", standalone(_grid(sheet, numbered)), csv)
    return (
        f"<p class='quiet'>Tasks: {escape(numbered)}. {sheet.words} Colors are as full as the "
        f"largest number shown.</p>{saves}"
    )


def _grid(sheet: _Sheet, numbered: str) -> Grid:
    cells: list[list[tuple[str, str, str] | None]] = [
        [
            (text, color, full) if color else None
            for (_, full), text, color in zip(sheet.heads, texts, colors, strict=True)
        ]
        for texts, colors in zip(sheet.texts, sheet.colors, strict=True)
    ]
    columns = [head for head, _ in sheet.heads]
    if sheet.expected:
        columns.append("random")
        for row, expected in zip(cells, sheet.expected, strict=True):
            row.append((expected, "#ffffff", "expected of random subspaces"))
    notes = (numbered, sheet.words)
    return Grid(sheet.title, sheet.rows, tuple(columns), cells, 300, (56, 26), notes)
