"""The model layer by layer: a table of colored numbers, with each layer's tensors a click away."""

from dataclasses import dataclass
from html import escape
from itertools import combinations

import torch
from torch import Tensor

from studio.disk.csv import csv_text
from studio.geometry.pairs import Pairs
from studio.geometry.scopes import labels, layer_of
from studio.session.background import Answer
from studio.session.geometry import Geometry
from studio.session.geometry_studies import Reports
from studio.ui.charts.grids import Grid, diverging, rising, short, standalone
from studio.ui.charts.pair_measures import COSINE_AFTER, MEASURES, NO_COMPONENTS, NORM, Measure
from studio.ui.charts.saves import folded, picture_saves
from studio.ui.charts.shades import legend, shade

Two = tuple[int, int]

_MOST_COLUMNS = 6  # pairs that each get a column; the others share one
_NORM_WORDS = (
    "Length of each task's raw delta (Euclidean norm); full color is the length of the task's "
    "whole change."
)
_LONGEST_HEAD = 18
_NORM_SCALE = ("0: untouched", "", "all of the task's change")


@dataclass(frozen=True)
class _Sheet:
    """What the table shows.

    Attributes:
        title: of the figure.
        words: how it is read.
        rows: layers or tensors.
        heads: lines of each column's head, and what it is in full.
        values: ``(rows, columns)``; NaN where there is no number.
        texts: the same, printed.
        shares: the same, -1 to 1, on the one scale of all heat maps.
        scale: what its ends and its middle are.
        both: whether it has two ends.
        expected: printed value of unrelated deltas per row; empty if there is none.
    """

    title: str
    words: str
    rows: tuple[str, ...]
    heads: tuple[tuple[tuple[str, ...], str], ...]
    values: Tensor
    texts: list[list[str]]
    shares: list[list[float]]
    scale: tuple[str, str, str]
    both: bool
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
    every = None
    if needed is None:
        sheet = _norms(geometry, within, rows)
    else:
        every = needed.source(geometry, found.made or {}, within).only(rows)
        sheet = _pairs(needed, every)
    return f"{_trail(scope, layer, place)}{_table(sheet, within, place)}{_below(sheet, every)}"


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
    whole = geometry.before.total().diagonal().clamp(min=1e-300).sqrt()
    heads = tuple(((task,), task) for task in geometry.before.tasks)
    texts = [[f"{value:.3g}" for value in row] for row in values.tolist()]
    shares = (values / whole).tolist()
    return _Sheet(NORM, _NORM_WORDS, rows, heads, values, texts, shares, _NORM_SCALE, False, ())


def _pairs(measure: Measure, pairs: Pairs) -> _Sheet:
    chosen, others = _columns(measure, pairs)
    tasks, parts = pairs.tasks, [pairs.values[:, i, j] for i, j in chosen]
    heads = [((tasks[i], tasks[j]), f"{tasks[i]} and {tasks[j]}") for i, j in chosen]
    if others:
        rest = torch.stack([pairs.values[:, i, j] for i, j in others])
        parts.append((rest.abs() if measure.middle == 0.0 else rest).nanmean(0))
        heads.append(((f"{len(others)} other pairs", "mean size"), f"{len(others)} other pairs"))
    values = torch.stack(parts, 1)
    rows = values.tolist()
    texts = [["–" if x != x else measure.text(x) for x in row] for row in rows]
    shares = [[measure.share(x) for x in row] for row in rows]
    by_chance = tuple("–" if x != x else measure.text(x) for x in pairs.expected.tolist())
    expected = by_chance if measure.middle is None else ()
    return _Sheet(
        measure.title, measure.words, pairs.places, tuple(heads), values, texts, shares,
        measure.scale, measure.middle is not None, expected,
    )  # fmt: skip


def _columns(measure: Measure, pairs: Pairs) -> tuple[list[Two], list[Two]]:
    """The pairs that stand out most somewhere, in the tasks' order, and all others."""
    every = list(combinations(range(len(pairs.tasks)), 2))
    if len(every) <= _MOST_COLUMNS:
        return every, []
    middle = measure.middle or 0.0
    distance = (pairs.values - middle).abs().nan_to_num(0.0).amax(0)
    first = sorted(every, key=lambda pair: -float(distance[pair]))[: _MOST_COLUMNS - 1]
    return sorted(first), [pair for pair in every if pair not in first]


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
        f"<th scope='col' title='{escape(full)}'>"
        f"{'<br>'.join(escape(short(line, _LONGEST_HEAD)) for line in lines)}</th>"
        for lines, full in sheet.heads
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
    for (_, full), text, share in zip(sheet.heads, sheet.texts[i], sheet.shares[i], strict=True):
        colored = shade(share) if share == share else ""
        cells.append(f"<td {colored} title='{escape(full)}: {text}'>{text}</td>")
    if sheet.expected:
        cells.append(f"<td class='quiet'>{sheet.expected[i]}</td>")
    return (
        f"<tr><th scope='row'><button type='button' data-scope='{within}' data-place="
        f"'{escape(name)}' title='{escape(name)}'{current}>{label}</button></th>"
        f"{''.join(cells)}</tr>"
    )


def _below(sheet: _Sheet, every: Pairs | None) -> str:
    """The scale, how it is read, and the files: the table's CSV has every pair."""
    extra = ["random subspaces"] if sheet.expected else []
    values, heads = sheet.values, [full for _, full in sheet.heads]
    if every is not None:
        pairs = list(combinations(range(len(every.tasks)), 2))
        values = torch.stack([every.values[:, i, j] for i, j in pairs], 1)
        heads = [f"{every.tasks[i]} and {every.tasks[j]}" for i, j in pairs]
    rows = [
        [name, *numbers, *sheet.expected[i : i + 1]]
        for i, (name, numbers) in enumerate(zip(sheet.rows, values.tolist(), strict=True))
    ]
    csv = csv_text(["place", *heads, *extra], rows)
    saves = picture_saves(f"{sheet.title} by place", standalone(_grid(sheet)), csv)
    below = folded(saves, f"{sheet.title} by place")
    return f"{legend(*sheet.scale, sheet.both)}<p class='quiet'>{sheet.words}</p>{below}"


def _grid(sheet: _Sheet) -> Grid:
    color = diverging if sheet.both else rising
    cells: list[list[tuple[str, str, str] | None]] = [
        [
            (text, color(share, 1.0), full) if share == share else None
            for (_, full), text, share in zip(sheet.heads, texts, shares, strict=True)
        ]
        for texts, shares in zip(sheet.texts, sheet.shares, strict=True)
    ]
    columns = [str(k + 1) for k in range(len(sheet.heads))]
    named = ", ".join(f"{k + 1} {full}" for k, (_, full) in enumerate(sheet.heads))
    if sheet.expected:
        columns.append("random")
        for row, expected in zip(cells, sheet.expected, strict=True):
            row.append((expected, "#ffffff", "expected of random subspaces"))
    notes = (named, sheet.words)
    return Grid(sheet.title, sheet.rows, tuple(columns), cells, 300, (56, 26), notes)
