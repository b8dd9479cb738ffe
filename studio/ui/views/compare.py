"""Pure views of the Improve tab: the table with bars, the heat map, the proposal, the files."""

import json
from collections.abc import Mapping
from html import escape

from studio.compare.comparison import Table
from studio.compare.scale_search import Budget
from studio.compare.standings import Standing
from studio.compare.tables import (
    MARK,
    comparison_csv,
    comparison_json,
    comparison_markdown,
    notes,
)
from studio.disk.csv import csv_text
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.measure.metrics import Mean, marked, means
from studio.methods import FIRST_COMPARED, METHODS
from studio.tasks.metric import AGREEMENT, LOSS, METRICS, Metric
from studio.ui.charts.grids import Grid, diverging, short, shown, standalone
from studio.ui.charts.saves import document_saves, picture_saves
from studio.ui.views.track import track

NOTHING = ""
ABOUT = (
    f"<p class='quiet'>{', '.join(METHODS[name].title for name in FIRST_COMPARED)}: each merges "
    "all tasks of the zoo at its defaults, is scored on the held-out rows, and lands in the table "
    "above. Nothing is chosen on these rows.</p>"
)
_COLUMNS = (  # heading, what it means, which way it is sorted at first; the means come before
    ("vs best rival", "paired difference of the mean to the best row of another method", "falling"),
    ("gain kept", "share of the experts' gain over head-only", "falling"),
    ("worst task", "the largest loss against its own expert, paired", "falling"),
    ("vs {floor}", "paired difference of the mean to not merging", "falling"),
    ("s to merge", "seconds to compute the merged weights and put them on", "rising"),
    ("ms per row", "milliseconds of the evaluation per row", "rising"),
    ("peak MB", "resident memory above that before the merge, sampled", "rising"),
    ("needs data", "what it measures on validation rows", "rising"),
    ("order matters", "whether the order of the tasks changes the merge", "rising"),
    ("exact unmerge", "every row is a recipe that is merged again without the task", ""),
)
_WIDE, _HIGH, _LEFT = 88, 26, 178
_SIDES = {False: "Blue: below; orange: above.", True: "Blue: worse; orange: better."}
_SIGNS = {"better": ("up", "▲"), "worse": ("down", "▼"), "cannot tell": ("quiet", "=")}


def usual(took: str) -> str:
    """The button that compares the usual methods; ``took`` as for ``budget``."""
    count = f"{len(FIRST_COMPARED)} usual methods"
    return f"Compare the {count} ({took})" if took else f"Compare the {count}"


def budget(found: Budget, tune: bool, took: str = "") -> str:
    """What a comparison will spend, before it starts.

    Args:
        found: of validation rows.
        tune: whether scales are chosen on them.
        took: how long it takes at most, in words; empty while that is not known.
    """
    use = "to choose each method's scale" if tune else "for the proposal"
    words = f"{use}: {found.words}" if found.rows else found.words
    time = f" It takes {took}, less where something was measured before." if took else ""
    return f"<p class='quiet' id='budget'>Before the start: {escape(words)}.{escape(time)}</p>"


def proposal(table: Table | None) -> str:
    """What wins on validation rows, or what is missing for that."""
    if table is None:
        return NOTHING
    if table.proposal is None:
        words = "No validation rows, so nothing is proposed." if not table.budget.rows else ""
        return f"<p class='note' id='proposal'>{words}</p>" if words else ""
    css = "fine" if table.proposal.beyond_noise else "note"
    return f"<p class='{css}' id='proposal'><b>Proposal.</b> {escape(table.proposal.words)}</p>"


def results(table: Table | None) -> str:
    """A row per method, as far as they are finished."""
    if table is None:
        return ""
    if not table.rows:
        return "<p class='quiet'>The references are measured; the first method follows.</p>"
    floor = table.references.floor[0]
    heads = "".join(
        f"<th scope='col' title='{escape(words)}'>{_sorter(title.format(floor=floor), way)}</th>"
        for title, words, way in (*_mean_columns(table), *_COLUMNS)
    )
    body = "".join(_row(each, table) for each in table.standings) + _refused(table)
    n = sum(score.n for score in table.standings[0].scores.values()) if table.standings else 0
    return (
        f"<p class='quiet'>Methods on the same {n:,} held-out rows; ± is half of a 95 % interval."
        "</p>"
        "<p class='quiet more-columns'>More columns to the right: scroll the table sideways.</p>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Methods compared'>"
        "<table class='studio compare'><thead><tr><th scope='col'>method</th>"
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        "<p class='legend'><span class='l-now'>mean</span><span class='l-interval'>95 % interval"
        "</span><span class='l-expert'>experts</span><span class='l-floor'>"
        f"{escape(floor)}</span></p>"
        f"{_saves(table)}<details><summary>What the numbers mean</summary>"
        f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes(table))}</ul></details>"
    )


def _mean_columns(table: Table) -> list[tuple[str, str, str]]:
    """A column of means per metric; the best are first at first."""
    found = means(table.references.experts.scores)
    words = "over tasks, with its 95 % interval"
    return [(x.name, words, "falling" if x.metric.sign > 0 else "rising") for x in found]


def heat(table: Table | None) -> str:
    """Methods by tasks: scores against the task's own expert; general rows against the base."""
    if table is None or not table.standings:
        return ""
    grid, csv = _grid(table)
    label = f"{len(grid.rows)} methods by {len(grid.columns)} columns: {grid.title}"
    width = f"style='min-width:{grid.width:.0f}px;max-width:{1.3 * grid.width:.0f}px'"
    return (
        f"<figure class='compare-heat'><figcaption>{escape(grid.title)}</figcaption>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Heat map'>"
        f"<div {width}>{shown(grid, label)}</div></div>"
        f"{picture_saves('methods by task', standalone(grid), csv)}</figure>"
    )


def _row(each: Standing, table: Table) -> str:
    row, held = each.row, each.outcome
    marks = [f"tuned, scale x {row.factor:.3g}"] if row.tuned else []
    small = "".join(f"<span class='quiet'>{escape(mark)}</span>" for mark in marks)
    if each.worse_than_not_merging:
        small += f"<b class='down mark'>▼ {MARK}</b>"
    small += "".join(
        f"<span class='quiet'>general {escape(name)}: {score.shown}, {change.shown} "
        f"against the base, n={change.n:,}</span>"
        for name, (score, change) in each.general.items()
    )
    title = row.title.removesuffix(" (tuned)")  # which a mark below says
    if row.own:
        title = f"{title} ({METHODS[row.recipe.method].title})"
    button = (
        f"<button type='button' class='copy' data-row='{escape(row.name)}' "
        f"aria-label='Use {escape(row.title)}'>Use it</button>"
    )
    rival = each.rival
    cells = [
        *(_number(mean.value, _bar(each, mean, table)) for mean in each.means),
        _number(rival[1].mean, _against(rival[1], _title(table, rival[0])))
        if rival
        else "<td></td>",
        _number(each.gain, "" if each.gain is None else f"{each.gain:.0%}"),
        _number(each.worst[1].mean, _against(each.worst[1], _worst(each))),
        _number(each.floor.mean, _change(each.floor)),
        _number(held.seconds, f"{held.seconds:.2f}"),
        _number(held.latency, f"{1000 * held.latency:.2f}"),
        _number(held.peak, f"{held.peak / 1e6:.0f}"),
        _number(bool(row.needs), escape(row.needs) or "no"),
        _number(row.ordered, "yes" if row.ordered else "no"),
        "<td>by rebuild</td>",
    ]
    css = " class='below'" if each.worse_than_not_merging else ""
    return (
        f"<tr{css} data-method='{escape(row.name)}'><th scope='row'><b>{escape(title)}</b>{small}"
        f"{button}</th>{''.join(cells)}</tr>"
    )


def _title(table: Table, name: str) -> str:
    """What a row is called, by its name."""
    return next((row.title for row in table.rows if row.name == name), name)


def _refused(table: Table) -> str:
    return "".join(
        f"<tr class='refused' data-method='{escape(name)}'><th scope='row'>"
        f"{escape(_title(table, name))}</th>"
        f"<td colspan='{len(_mean_columns(table)) + len(_COLUMNS)}'>{escape(words)}</td></tr>"
        for name, words in table.refusals.items()
    )


def _bar(each: Standing, mean: Mean, table: Table) -> str:
    """A mean as a bar with its interval, the experts' and the floor's as marks."""
    refs, metric = table.references, mean.metric
    experts, floor = (
        _mean(x.scores, metric) for x in (refs.experts, refs.floor[1].only(refs.tasks))
    )
    ends = metric.within(mean.value - mean.half), metric.within(mean.value + mean.half)
    label = f"{each.row.title}: {mean.shown}, experts {experts.shown}, floor {floor.shown}"
    bar = track(metric, (floor.value, experts.value), ends)
    drawn = bar.drawn(mean.value, *ends, floor.value, experts.value, label)
    return f"<b>{mean.shown}</b> ± {metric.amount(mean.half)}{drawn}"


def _grid(table: Table) -> tuple[Grid, str]:
    refs = table.references
    general = list(table.standings[0].general)
    changes = {each.row.title: _changes(each, table) for each in table.standings}
    limits = {
        metric: max((abs(x) for row in changes.values() for x, own, _ in row if own is metric),
                    default=1.0) or 1.0
        for metric in METRICS
    }  # fmt: skip
    cells: list[list[tuple[str, str, str] | None]] = [
        [(own.difference(mean), diverging(own.sign * mean, limits[own]), tip)
         for mean, own, tip in row]
        for row in changes.values()
    ]  # fmt: skip
    metrics = {name: refs.experts.scores[name].metric for name in refs.tasks}
    rest = [f"general: {name}" for name in general]
    names = [*(marked(name, metric) for name, metric in metrics.items()), *rest]
    found = [mean.metric for mean in means(refs.experts.scores)]
    what, units = (
        " or ".join(words) for words in ((x.name for x in found), (x.unit for x in found))
    )
    title = f"{what.capitalize()} against each task's own expert, in {units}"
    if agreed := [name for name, metric in metrics.items() if metric is AGREEMENT]:
        title += f"; by agreement {', '.join(agreed)}" if len(found) > 1 else ""
    if general:
        title += "; general rows against the base"
    notes = (f"{table.zoo}: " + "; ".join(names), _SIDES[LOSS in found])
    columns = tuple(short(name, 12) for name in (*refs.tasks, *rest))
    grid = Grid(title, tuple(changes), columns, cells, _LEFT, (_WIDE, _HIGH), notes)
    rows = [[name, *(mean for mean, _, _ in row)] for name, row in changes.items()]
    return grid, csv_text([f"change of {what}", *names], rows)


def _changes(each: Standing, table: Table) -> list[tuple[float, Metric, str]]:
    """Per task and set of general rows: the change, its metric, and what it says."""
    experts, found = table.references.experts.scores, []
    for task in table.references.tasks:
        own = each.scores[task]
        tip = (
            f"{each.row.title}, {task}: {own.shown} [{own.metric.amount(own.low)}, "
            f"{own.metric.amount(own.high)}], expert {experts[task].shown}, n={own.n:,}"
        )
        found.append((own.value - experts[task].value, own.metric, tip))
    for name, (score, change) in each.general.items():
        tip = f"{each.row.title}, {name}: {score.shown}, {change.shown} against the base"
        found.append((change.mean, change.metric, tip))
    return found


def _saves(table: Table) -> str:
    plain = json.dumps(comparison_json(table), indent=1)
    return document_saves(
        "comparison",
        {
            "csv": ("text/csv;charset=utf-8", comparison_csv(table)),
            "json": ("application/json", plain),
            "md": ("text/markdown;charset=utf-8", comparison_markdown(table)),
        },
    )


def _sorter(title: str, way: str) -> str:
    if not way:
        return escape(title)
    return f"<button type='button' data-sort='{way}'>{escape(title)}</button>"


def _number(value: float | bool | None, words: str) -> str:
    data = "" if value is None else f" data-value='{float(value):.9g}'"
    return f"<td class='num'{data}>{words}</td>"


def _change(change: Change) -> str:
    css, sign = _SIGNS[change.verdict]
    tie = " tie" if change.verdict == "cannot tell" else ""
    return f"<span class='{css}'>{sign} {change.shown}{tie}</span>"


def _against(change: Change, name: str) -> str:
    return f"{_change(change)}<br><span class='quiet'>{escape(name)}</span>"


def _worst(each: Standing) -> str:
    return marked(each.worst[0], each.worst[1].metric)


def _mean(scores: Mapping[str, Score], metric: Metric) -> Mean:
    return next(mean for mean in means(scores) if mean.metric is metric)
