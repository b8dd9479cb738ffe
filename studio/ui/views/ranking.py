"""Pure views of everything tried: one ranked table, what it means, what to do next, its file."""

from html import escape

from studio.compare.ranking import Ranked, Ranking
from studio.disk.csv import Cell, csv_text
from studio.measure.change import Change
from studio.measure.metrics import mean_column
from studio.session.rankings import Rankings
from studio.tasks.metric import AGREEMENT
from studio.ui.charts.saves import table_saves

_SIGNS = {"better": ("up", "▲"), "worse": ("down", "▼"), "cannot tell": ("quiet", "=")}
_HEADS = (
    ("place", "", "Rank"), ("what", "", "What"), ("mean", "", "Mean"),
    ("change", "wide", "Against your mix"), ("worst", "wide", "Worst task"),
    ("took", "wide", "Seconds"), ("use", "", "Use it"),
)  # fmt: skip
_TITLES = {
    "Mean": "over the tasks, with half of its 95 % interval",
    "Against your mix": "paired difference of the mean on the same rows; a tie if it holds 0",
    "Worst task": "the task that loses most against its own expert",
    "Seconds": "that it took here until its numbers were there; what was known is recalled at once",
}
_HEADER = (
    "rank", "what", "mix", "change from your mix", "half of that", "verdict", "worst task",
    "worst task's score", "against its expert", "seconds", "rows",
)  # fmt: skip


def ranking(found: Rankings, why_not: str = "") -> str:
    """The table.

    Args:
        found: what was tried.
        why_not: why the mix cannot be measured; empty if it can.
    """
    if not found.tasks:
        return "<p class='note'>No task of this zoo has rows to score, so nothing is ranked.</p>"
    table = found.ranking
    n = table.known[0].rows if table.known else 0
    on = f"the same n={n:,} held-out rows" if n else "held-out rows"
    heads = "".join(_head(*each) for each in _HEADS)
    body = "".join(_row(row) for row in table.rows)
    return (
        f"<section class='ranking'><h3>Everything tried on these rows</h3><p class='quiet'>Ranked "
        f"on {on}; ± is half of a 95 % interval. Scores on validation rows, which searches, sweeps "
        f"and tuned scales choose on, are of other rows and are not ranked here.</p>"
        f"<p class='quiet still' id='ranking-state'>{escape(_state(found, why_not))}</p>"
        "<table class='studio ranked'><thead><tr>"
        f"{heads}</tr></thead><tbody>{body}</tbody></table>{_next(table)}"
        f"{table_saves('everything tried', ranking_csv(found))}</section>"
    )


def ranking_csv(found: Rankings) -> str:
    """A line per model; accuracies and differences as shares, 0 to 1."""
    table = found.ranking
    metrics = [mean.metric for mean in table.known[0].means] if table.known else []
    named = [x for m in metrics for x in (mean_column(m), f"{mean_column(m)}, half of interval")]
    return csv_text([*_HEADER[:3], *named, *_HEADER[3:]], [_line(x, found) for x in table.rows])


def next_step(table: Ranking) -> str:
    """What the table means and what to do next, in one sentence."""
    mine, other = table.mine, table.best_other
    if mine is None:
        return "Your mix is being measured; its place follows."
    if other is None or other.change is None:
        return (
            "Nothing but your mix was tried on these rows so far: press Compare below to see "
            "what other ways of merging make of the same tasks."
        )
    name, change = other.tried.what, other.change
    wide = change.metric.amount(table.widened)
    many = len(table.known) - 1
    widened = f", even if its interval is widened to ± {wide} for the best of {many}"
    if change.gain > table.widened:
        return (
            f"{name} is better than your mix by {other.words}, beyond noise"
            f"{widened if many > 1 else ''}: press Use it in its row; Undo brings your mix back."
        )
    if change.verdict == "worse":
        return (
            f"Your mix is ahead of everything tried, {name} next ({other.words} from your mix): "
            "keep it, and look in Results at what it still gets wrong."
        )
    return (
        f"These rows cannot tell your mix from {name} ({other.words}"
        f"{f'; ± {wide} as the best of {many}' if many > 1 else ''}): keep the simpler one, or "
        "search for better weights below the mixer."
    )


def _next(table: Ranking) -> str:
    return f"<p class='next' id='ranking-next'>{escape(next_step(table))}</p>"


def _state(found: Rankings, why_not: str) -> str:
    """One line that always has its place."""
    if not found.moving:
        return "Your mix stands in the table as it is now."
    if why_not:
        return "Your mix cannot be merged as it is now; the table shows it as it was."
    return "Your mix has moved; its row follows once all its rows are scored."


def _head(name: str, css: str, title: str) -> str:
    about = f" title='{escape(_TITLES[title])}'" if title in _TITLES else ""
    said = "<span class='hidden'>Use it</span>" if name == "use" else title
    return f"<th scope='col' class='{name} {css}'{about}>{said}</th>"


def _row(row: Ranked) -> str:
    tried = row.tried
    place = str(row.place) if row.place else "–"
    css = " class='own'" if tried.own else ""
    return (
        f"<tr{css} data-key='{escape(tried.key)}' data-own='{tried.own}'>"
        f"<td class='place num'>{place}</td>"
        f"<th scope='row' class='what'><b>{escape(tried.what)}</b>"
        f"<span class='quiet'>{escape(tried.about)}</span>{_narrow(row)}</th>"
        f"<td class='mean num'>{_mean(row)}</td>"
        f"<td class='change wide num'>{_change(row)}</td>"
        f"<td class='worst wide'>{_worst(row)}</td>"
        f"<td class='took wide num'>{_took(row)}</td><td class='use'>{_use(row)}</td></tr>"
    )


def _narrow(row: Ranked) -> str:
    """What has no column on a phone."""
    said = [_change(row)] if row.each else []
    if row.worst:
        name, _, difference = row.worst
        metric = row.worst[1].metric
        said.append(f"worst: {escape(name)} {metric.difference(difference)}")
    if row.tried.seconds is not None:
        said.append(f"{_took(row)} s")
    return f"<span class='narrow quiet'>{'; '.join(said)}</span>" if said else ""


def _mean(row: Ranked) -> str:
    if not row.place:
        return "<span class='quiet'>measuring …</span>"
    return "<br>".join(
        f"<b>{mean.shown}</b> <span class='quiet'>± {mean.metric.amount(mean.half)}"
        f"{' agreement' if mean.metric is AGREEMENT else ''}</span>"
        for mean in row.means
    )


def _change(row: Ranked) -> str:
    if row.tried.mine:
        return "<span class='quiet'>this is it</span>"
    return _signed(row.change) if row.change else ""


def _signed(change: Change) -> str:
    css, sign = _SIGNS[change.verdict]
    tie = " <span class='quiet'>tie</span>" if change.verdict == "cannot tell" else ""
    return f"<span class='{css}'>{sign} {change.shown}</span>{tie}"


def _worst(row: Ranked) -> str:
    if not row.worst:
        return ""
    name, score, difference = row.worst
    return (
        f"{escape(name)}<span class='quiet'>{score.shown}, {score.metric.difference(difference)} "
        "against its expert</span>"
    )


def _took(row: Ranked) -> str:
    return "" if row.tried.seconds is None else f"{row.tried.seconds:.1f}"


def _use(row: Ranked) -> str:
    if row.tried.mine:
        return "<span class='quiet'>in use</span>"
    return (
        f"<button type='button' class='copy' data-use='{escape(row.tried.key)}' "
        f"aria-label='Use {escape(row.tried.what)}'>Use it</button>"
    )


def _line(row: Ranked, found: Rankings) -> list[Cell]:
    numbers: list[Cell] = [x for mean in row.means for x in (mean.value, mean.half)]
    change, worst = row.change, row.worst
    about = (change.mean, change.half, change.verdict) if change else (None, None, None)
    least = (worst[0], worst[1].value, worst[2]) if worst else (None, None, None)
    known = found.ranking.known
    numbers = numbers or [None, None] * (len(known[0].means) if known else 0)
    first = (row.place, row.tried.what, row.tried.about)
    return [*first, *numbers, *about, *least, row.tried.seconds, row.rows or None]
