"""Pure views of the search for the best: its table, what it has come to, and its files."""

import json
from html import escape

from studio.best.findings import Findings, Tried, verdict
from studio.best.tables import findings_csv, findings_json, heading, needs
from studio.measure.change import Change, mean_change
from studio.tasks.metric import AGREEMENT
from studio.ui.charts.saves import data_saves
from studio.ui.views.glossary import term

_SIGNS = {"better": ("up", "▲"), "worse": ("down", "▼"), "cannot tell": ("quiet", "=")}
_HEADS = (
    ("place", "Rank", ""),
    ("what", "What", ""),
    ("mean", "Mean", "over the tasks, with half of its 95 % interval"),
    ("change wide", "vs not merging", "paired difference of the mean on the same rows"),
    ("rows wide", "Rows", "that it was judged by, of all tasks; only the better ones get more"),
    ("took wide", "Seconds", "that it took, measuring and searching included"),
    ("needs wide", "Needs data", "what it measures on validation rows"),
    ("use", "", ""),
)


def about() -> str:
    """What the button does, in a few sentences."""
    return (
        "<p class='quiet'>Tries the bases of MDM-OC and the strongest other methods at several "
        "scales, gives the better ones more rows, searches their weights, and fits the best to "
        f"their experts ({term('successive halving')}). {term('Validation rows')} decide, by how "
        f"often a merge answers like each task's expert; {term('held-out rows')} only judge the "
        "end. <b>Not merging</b> is among the trials. What was tried is kept: a search that was "
        "cancelled goes on where it stopped.</p>"
    )


def findings(found: Findings | None) -> str:
    """A row per trial, the best first, and what the search has come to."""
    if found is None:
        return ""
    body = "".join(_row(place, each, found) for place, each in enumerate(found.ranked, 1))
    refused = "".join(
        f"<li>{escape(name)}: {escape(words)}</li>" for name, words in found.refusals.items()
    )
    heads = "".join(_head(*each) for each in _HEADS)
    table = f"<table class='studio ranked best'><thead><tr>{heads}</tr></thead><tbody>{body}"
    rest = f"<ul class='quiet'>{refused}</ul>" if refused else ""
    saves = data_saves("find the best", findings_csv(found), json.dumps(findings_json(found)))
    return (
        f"<section class='ranking'>{_state(found)}<p class='quiet'>{escape(heading(found))}</p>"
        f"{table}</tbody></table>{rest}{saves if found.ranked else ''}</section>"
    )


def _state(found: Findings) -> str:
    if not found.ended:
        count, rounds = len(found.tried), len(found.plan)
        recalled = f", {found.recalled} of them known from before" if found.recalled else ""
        words = f"Round {found.level + 1} of {rounds}, {count} trials so far{recalled}."
        return f"<p class='quiet still' id='best-state'>{words}</p>"
    said = "".join(f"<p>{escape(words)}</p>" for words in verdict(found))
    css = "fine" if found.winner else "note"
    return f"<div class='{css}' id='best-verdict'>{said}</div>"


def _head(css: str, title: str, words: str) -> str:
    about_it = f" title='{escape(words)}'" if words else ""
    said = title or "<span class='hidden'>Use it</span>"
    return f"<th scope='col' class='{css}'{about_it}>{said}</th>"


def _row(place: int, tried: Tried, found: Findings) -> str:
    against = found.against_floor(tried)
    change = _signed(mean_change(against)) if against else ""
    wins = tried is found.winner
    css = " class='own'" if wins else ""
    note = "<span class='quiet'>the best found</span>" if wins else ""
    narrow = f"<span class='narrow quiet'>{change} {tried.rows:,} rows</span>"
    return (
        f"<tr{css} data-key='{tried.trial.key}'><td class='place num'>{place}</td>"
        f"<th scope='row' class='what'><b>{escape(tried.trial.what)}</b>{note}{narrow}</th>"
        f"<td class='mean num'>{_mean(tried)}</td><td class='change wide num'>{change}</td>"
        f"<td class='rows wide num'>{tried.rows:,}</td>"
        f"<td class='took wide num'>{tried.seconds:.1f}</td>"
        f"<td class='needs wide'>{needs(tried)}</td><td class='use'>{_use(tried)}</td></tr>"
    )


def _mean(tried: Tried) -> str:
    return "<br>".join(
        f"<b>{mean.shown}</b> <span class='quiet'>± {mean.metric.amount(mean.half)}"
        f"{' agreement' if mean.metric is AGREEMENT else ''}</span>"
        for mean in tried.means
    )


def _signed(change: Change) -> str:
    css, sign = _SIGNS[change.verdict]
    tie = " <span class='quiet'>tie</span>" if change.verdict == "cannot tell" else ""
    return f"<span class='{css}'>{sign} {change.shown}</span>{tie}"


def _use(tried: Tried) -> str:
    if tried.recipe is None:
        return ""
    return (
        f"<button type='button' class='copy' data-use='{tried.trial.key}' "
        f"aria-label='Use {escape(tried.trial.what)}'>Use it</button>"
    )
