"""The table of accuracies: a row per task, with its interval, its expert and its floor."""

from collections.abc import Mapping
from html import escape

from studio.disk.csv import csv_text
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot
from studio.ui.charts.saves import table_saves
from studio.ui.views.notices import refusal
from studio.ui.views.references import ARROWS, floor_of

_FLOORS = {
    "head-only": "Head-only: the untouched base with a head fitted on it.",
    "base": "Base: the untouched base with the expert's own head.",
}


def accuracy(now: Snapshot) -> str:
    """A row per task: the shown mix as a bar, ticks for expert and floor, interval, rows."""
    if not now.rows:
        return (
            "<p>This zoo names no held-out rows, so there is no accuracy to show. "
            "Geometry and export work; add <code>data</code> to zoo.yaml for scores.</p>"
        )
    name, floor = floor_of(now)
    on = set(now.recipe.names)
    body = "".join(_accuracy_row(now, task, task in on, floor) for task in _in_order(now))
    partial = "" if now.seen else " partial"
    doubts = "".join(refusal(each) for each in now.doubts)
    return (
        f"{doubts}<table class='studio accuracy{partial}'><caption>Held-out accuracy by task, with "
        "95 % intervals</caption><thead><tr><th scope='col'>task</th>"
        "<th scope='col'>0 to 100 %</th><th scope='col'>now</th><th scope='col'>since pinned</th>"
        "<th scope='col' class='wide'>interval</th>"
        f"<th scope='col'>expert</th><th scope='col' class='wide'>{name}</th>"
        f"<th scope='col' class='wide'>rows</th></tr></thead><tbody>{body}</tbody></table>"
        "<p class='legend'><span class='l-now'>now</span><span class='l-interval'>95 % interval"
        f"</span><span class='l-expert'>expert alone</span><span class='l-floor'>{name}</span></p>"
        f"{table_saves('accuracy', _csv(now)) if now.seen else ''}"
        f"<p class='quiet'>{_FLOORS[name]} A task that is not merged is still scored, with its own "
        "head. Intervals resample groups of related rows where the data has groups. "
        "<b>Since pinned</b>: the mean change on the same rows, in points; pale numbers stand on "
        "few rows.</p>"
    )


def _accuracy_row(now: Snapshot, task: str, on: bool, floor: Mapping[str, Score]) -> str:
    score, expert, least = (x.get(task) for x in (now.scores, now.experts, floor))
    label = f"{task}: " + (f"{score.accuracy:.1%} now" if score else "not scored yet")
    bar = ""
    if score:
        width = max(score.high - score.low, 0.004)
        bar += f"<i style='width:{score.accuracy:.2%}'></i>"
        bar += f"<s style='left:{score.low:.2%};width:{width:.2%}'></s>"
    if least:
        bar += f"<u style='left:{least.accuracy:.2%}'></u>"
        label += f", floor {least.accuracy:.1%}"
    if expert:
        bar += f"<b style='left:{expert.accuracy:.2%}'></b>"
        label += f", expert {expert.accuracy:.1%}"
    state = "" if on else " <span class='quiet'>unmerged</span>"
    interval = f"{score.low:.1%} to {score.high:.1%}" if score else ""
    rows = _rows(score, now.rows[task])
    return (
        f"<tr class='{'' if on else 'off'}' data-task='{escape(task)}'>"
        f"<th scope='row'><span>{escape(task)}</span>{state}</th>"
        f"<td><div class='track' role='img' aria-label='{escape(label)}'>{bar}</div></td>"
        f"<td class='num now'>{_percent(score)}</td>"
        f"<td class='num since'>{_since(now.changes.get(task))}</td>"
        f"<td class='num wide'>{interval}</td>"
        f"<td class='num'>{_percent(expert)}</td><td class='num wide'>{_percent(least)}</td>"
        f"<td class='num wide'>{rows}</td></tr>"
    )


def _csv(now: Snapshot) -> str:
    """The table's numbers, and those of the references."""
    name, floor = floor_of(now)
    mean = "mean coefficient" if any(s.groups for s in now.mix.strips) else "coefficient"
    header = [
        "task", "merged", mean, "accuracy", "low", "high", "n", "interval",
        "change since pinned", "half of its interval", "expert", name,
    ]  # fmt: skip
    rows = []
    for strip in now.mix.strips:
        if (score := now.scores.get(strip.name)) is None:
            continue
        change = now.changes.get(strip.name)
        compared = (change.mean, change.half) if change else (None, None)
        others = (each.accuracy if each else None
                  for each in (now.experts.get(strip.name), floor.get(strip.name)))  # fmt: skip
        own = (score.accuracy, score.low, score.high, score.n, score.interval)
        merged = ("yes" if strip.on else "no", strip.mean)
        rows.append((strip.name, *merged, *own, *compared, *others))
    return csv_text(header, rows)


def _since(change: Change | None) -> str:
    """A task's change since the pinned mix: points with their interval, and what that says."""
    if change is None:
        return ""
    css, arrow = ARROWS[change.verdict]
    points = f"{100 * change.mean + 0.0:+.1f} ± {100 * change.half:.1f}"
    return f"<span class='{css}' title='{change.verdict}, n={change.n:,}'>{arrow} {points}</span>"


def _in_order(now: Snapshot) -> list[str]:
    return [strip.name for strip in now.mix.strips if strip.name in now.rows]


def _rows(score: Score | None, total: int) -> str:
    if score is None:
        return ""
    return f"{total:,}" if score.n == total else f"{score.n:,}/{total:,}"


def _percent(score: Score | None) -> str:
    return f"{score.accuracy:.1%}" if score else "…"
