"""The table of scores: a row per task, with its interval, its expert and its floor."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.disk.csv import csv_text
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot
from studio.tasks.kinds import KINDS
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS, METRICS, Metric
from studio.ui.charts.saves import table_saves
from studio.ui.views.glossary import term
from studio.ui.views.notices import refusal
from studio.ui.views.references import ARROWS, floor_of
from studio.ui.views.track import score_track

_FLOORS = {
    "head-only": "Head-only: the untouched base with a head fitted on it.",
    "base": "Base: the untouched base, asked as the expert is.",
}
_MORE = {
    AGREEMENT: " Agreement is the share of rows that are answered as the task's own expert answers "
    "them: they have no labels, so nobody knows whether either is right.",
    LOSS: " A loss is in nats per token, and less is better: its bar is the longer the lower it "
    "is, between a little worse than the floor and a little better than the expert. Perplexity is "
    "its exponential.",
}


def before_accuracy(now: Snapshot) -> str:
    """What nobody may overlook of the scores: that there are none, or experts that are in doubt."""
    if not now.rows:
        return (
            "<p>This zoo names no held-out rows, so there are no scores to show. "
            "Geometry and export work; add <code>data</code> to zoo.yaml for scores.</p>"
        )
    return "".join(refusal(each) for each in now.doubts)


def accuracy(now: Snapshot) -> str:
    """A row per task: the shown mix as a bar, ticks for expert and floor, interval, rows.

    Args:
        now: what is shown; of a zoo without held-out rows nothing is.
    """
    if not now.rows:
        return ""
    name, floor = floor_of(now)
    on = set(now.recipe.names)
    body = "".join(_accuracy_row(now, task, task in on, floor) for task in _in_order(now))
    partial = "" if now.seen and "scores" not in now.shipped else " partial"
    metrics = _metrics(now)
    what = " or ".join(metric.name for metric in metrics)
    units = " or ".join({metric.unit: None for metric in metrics})
    more = "".join(_MORE.get(metric, "") for metric in metrics)
    return (
        f"<table class='studio accuracy{partial}'><caption>{term('Held-out')} {what} by "
        "task, with 95 % intervals</caption><thead><tr><th scope='col'>task</th>"
        f"<th scope='col'>{_ends(metrics)}</th><th scope='col'>now</th>"
        f"<th scope='col'>{term('since pinned')}</th>"
        f"<th scope='col' class='wide'>{term('interval')}</th>"
        f"<th scope='col'>{term('expert')}</th><th scope='col' class='wide'>{term(name)}</th>"
        f"<th scope='col' class='wide'>n</th></tr></thead><tbody>{body}</tbody></table>"
        "<p class='legend'><span class='l-now'>now</span><span class='l-interval'>95 % interval"
        f"</span><span class='l-expert'>expert alone</span><span class='l-floor'>{name}</span></p>"
        f"{table_saves('accuracy', _csv(now)) if now.seen and not now.shipped else ''}"
        f"<p class='quiet'>{_FLOORS[name]} A task that is not merged is still scored. "
        f"Intervals resample groups of related rows where the data has groups.{more} "
        f"<b>Since pinned</b>: the mean change on the same rows, in {units}; pale numbers stand on "
        "few rows.</p>"
    )


def _metrics(now: Snapshot) -> tuple[Metric, ...]:
    """What the tasks are scored by: as their scores say, and before there are any, their kinds."""
    known = {s.metric for s in (*now.scores.values(), *now.experts.values(), *now.base.values())}
    known = known or {KINDS[x.type].metric_of(x) for x in now.zoo.tasks if x.name in now.rows}
    return tuple(each for each in METRICS if each in known) or (ACCURACY,)


def _ends(metrics: Sequence[Metric]) -> str:
    """What stands at the ends of the bars."""
    return "0 to 100 %" if LOSS not in metrics else "worse to better"


def _accuracy_row(now: Snapshot, task: str, on: bool, floor: Mapping[str, Score]) -> str:
    score, expert, least = (x.get(task) for x in (now.scores, now.experts, floor))
    label = f"{task}: " + (f"{score.shown} now" if score else "not scored yet")
    label += f", floor {least.shown}" if least else ""
    label += f", expert {expert.shown}" if expert else ""
    empty = f"<div class='track' role='img' aria-label='{escape(label)}'></div>"
    bar = score_track(score, least, expert, label) or empty
    state = "" if on else " <span class='quiet'>unmerged</span>"
    if len(_metrics(now)) > 1 and score:
        state += f" <span class='quiet'>{score.metric.name}</span>"
    interval = score.span if score else ""
    rows = _rows(score, now.rows[task])
    return (
        f"<tr class='{'' if on else 'off'}' data-task='{escape(task)}'>"
        f"<th scope='row'><span>{escape(task)}</span>{state}</th>"
        f"<td>{bar}</td><td class='num now'>{_shown(score)}{_more(score)}</td>"
        f"<td class='num since'>{_since(now.changes.get(task))}</td>"
        f"<td class='num wide'>{interval}</td>"
        f"<td class='num'>{_shown(expert)}</td><td class='num wide'>{_shown(least)}</td>"
        f"<td class='num wide'>{rows}</td></tr>"
    )


def _csv(now: Snapshot) -> str:
    """The table's numbers, and those of the references."""
    name, floor = floor_of(now)
    mean = "mean coefficient" if any(s.groups for s in now.mix.strips) else "coefficient"
    header = [
        "task", "merged", mean, " or ".join(metric.name for metric in _metrics(now)), "low", "high",
        "n", "interval", "change since pinned", "half of its interval", "expert", name,
    ]  # fmt: skip
    several = _metrics(now) != (ACCURACY,)
    header += ["metric", "perplexity", "bits per byte"] if several else []
    besides = {each.name: None for score in now.scores.values() for each in score.besides}
    header += [part for name in besides for part in (name, f"{name}, low", f"{name}, high")]
    rows = []
    for strip in now.mix.strips:
        if (score := now.scores.get(strip.name)) is None:
            continue
        change = now.changes.get(strip.name)
        compared = (change.mean, change.half) if change else (None, None)
        others = (each.value if each else None
                  for each in (now.experts.get(strip.name), floor.get(strip.name)))  # fmt: skip
        own = (score.value, score.low, score.high, score.n, score.interval)
        merged = ("yes" if strip.on else "no", strip.mean)
        more = (score.metric.name, score.perplexity, score.bits_per_byte) if several else ()
        found = {each.name: (each.value, each.low, each.high) for each in score.besides}
        shares = [x for name in besides for x in found.get(name, (None,) * 3)]
        rows.append((strip.name, *merged, *own, *compared, *others, *more, *shares))
    return csv_text(header, rows)


def _since(change: Change | None) -> str:
    """A task's change since the pinned mix with its interval, and what that says."""
    if change is None:
        return ""
    css, arrow = ARROWS[change.verdict]
    title = f"{change.verdict}, n={change.n:,}"
    return f"<span class='{css}' title='{title}'>{arrow} {change.shown}</span>"


def _in_order(now: Snapshot) -> list[str]:
    return [strip.name for strip in now.mix.strips if strip.name in now.rows]


def _rows(score: Score | None, total: int) -> str:
    if score is None:
        return ""
    return f"{total:,}" if score.n == total else f"{score.n:,}/{total:,}"


def _shown(score: Score | None) -> str:
    return score.shown if score else "…"


def _more(score: Score | None) -> str:
    """What stands beside a score, where anything does."""
    if score is None or not score.more:
        return ""
    return f"<br><span class='quiet'>{escape(score.more)}</span>"
