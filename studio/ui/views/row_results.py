"""What stands in the mixer beside each task's slider: its score as a bar, and what a move did."""

from collections.abc import Mapping
from html import escape

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot
from studio.session.task_facts import TaskFacts
from studio.ui.views.glossary import term
from studio.ui.views.references import ARROWS, floor_of
from studio.ui.views.track import score_track

_NONE: Mapping[str, TaskFacts] = {}


def row_results(now: Snapshot, facts: Mapping[str, TaskFacts] = _NONE) -> dict:
    """``{"rows": {task: ...}, "legend": HTML}``.

    Of a task: ``bar`` and ``since`` as HTML, ``now`` as text, ``early`` while rows are few, and
    ``facts`` as HTML for its fold.

    Args:
        now: what is shown.
        facts: of the tasks, as far as known.
    """
    name, floor = floor_of(now)
    found = {}
    for task in now.rows:
        score, expert, least = (x.get(task) for x in (now.scores, now.experts, floor))
        label = f"{task}: " + (f"{score.shown}, {score.span}" if score else "not scored yet")
        label += f"; {name} {least.shown}" if least else ""
        label += f"; expert alone {expert.shown}" if expert else ""
        label += "; shipped with the zoo, being checked" if "scores" in now.shipped else ""
        found[task] = {
            "bar": score_track(score, least, expert, label),
            "now": score.shown if score else "",
            "since": _since(now.changes.get(task), score),
            "early": "early" if score and now.share < 1 else "",
        }
    if found:  # a task that has no rows is merged, too
        without = {strip.name for strip in now.mix.strips} - {*found}
        found |= {task: {"bar": "<span class='quiet'>no rows</span>"} for task in without}
    for task, own in facts.items():
        found.setdefault(task, {})["facts"] = _facts(own)
    return {"rows": found, "legend": _legend(name) if now.rows else ""}


def _facts(own: TaskFacts) -> str:
    """What a task is made of: kind, rows and digest."""
    rows = ", ".join(f"{count:,} {split.replace('_', '-')}" for split, count in own.rows.items())
    return (
        f"{escape(own.kind)}; {term('rows', 'held-out')}: {rows or 'none'}; "
        f"digest of its checkpoint: <code>{escape(own.digest)}</code>"
    )


def _legend(floor: str) -> str:
    return (
        f"<p class='legend'><span class='l-now'>now</span><span class='l-interval'>"
        f"{term('95 % interval')}</span><span class='l-expert'>{term('expert alone')}</span>"
        f"<span class='l-floor'>{term(floor)}</span></p>"
    )


def _since(change: Change | None, score: Score | None) -> str:
    """A task's change since the pinned mix; nothing where the mix is the pinned one."""
    if change is None or score is None:
        return ""
    css, arrow = ARROWS[change.verdict]
    title = f"{change.verdict} than the pinned mix: {change.words}, n={change.n:,}"
    mean = change.metric.difference(change.mean)
    return f"<span class='{css}' title='{escape(title)}'>{arrow} {mean}</span>"
