"""Pure view of the first step of the Unmerge tab: who is out, and why its score is what it is."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.evidence.judgment import Judgment
from studio.evidence.teachers import Teachers
from studio.evidence.unmerge import Unmerging
from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot
from studio.session.taken_out import Returned
from studio.ui.views.track import track


def step(number: int, title: str, about: str = "") -> str:
    """The heading of one of the three steps."""
    words = f"<p class='quiet'>{about}</p>" if about else ""
    return f"<h2 class='step' id='step-{number}'><span>{number}</span> {title}</h2>{words}"


def nothing(names: Sequence[str]) -> str:
    """With every task in the mix: one sentence, and a button for each."""
    buttons = " ".join(
        f"<button type='button' data-take='{escape(name)}'>Take out {escape(name)}</button>"
        for name in names
    )
    return (
        "<p class='lead' id='nothing-out'>Every task is in this mix: take one out, and the rest is "
        "merged again as if it had never been there.</p>"
        f"<p class='takes'>{buttons}</p>"
    )


def taken_out(
    shown: Unmerging,
    now: Snapshot,
    found: Mapping[str, Judgment],
    known: Mapping[str, Teachers | None],
) -> str:
    """Each removed task: what the model does on it, and why that number is right.

    Args:
        shown: what is unticked.
        now: live scores of the mix, the experts and the base.
        found: what the checks found, by mode; may be empty.
        known: {task: who teaches it}, of those that have rows.
    """
    kept = len(shown.never.tasks)
    others = "1 other task" if kept == 1 else f"{kept} other tasks"
    made = f"merged from the base and {others}" if kept else "those of the base"
    return "".join(
        f"<section class='out' data-out='{escape(task)}'><p class='lead'><b>{escape(task)}</b> is "
        f"out: the weights shown are {made}. "
        f"<button type='button' data-back='{escape(task)}'>Put {escape(task)} back</button></p>"
        f"{_score(task, now, found, known.get(task))}</section>"
        for task in shown.removed
    )


def _score(
    task: str, now: Snapshot, found: Mapping[str, Judgment], teaching: Teachers | None
) -> str:
    """What the model does on a removed task now, as bars and as reasons."""
    score, own, base = (x.get(task) for x in (now.scores, now.experts, now.base))
    if task not in now.rows:
        return "<p>It has no rows here, so what the model does on it was not measured.</p>"
    if score is None:
        return "<p class='quiet'>Scoring its rows …</p>"
    early = "" if now.share >= 1 else f", {score.n:,} of {now.rows[task]:,} rows so far"
    bars = [("this model, without it", score, "")]
    bars += [("its own model", own, "own")] if own else []
    bars += [("the untouched base", base, "base")] if base else []
    unit = "" if score.metric.percent else f" ({score.metric.unit})"
    reasons = "".join(f"<li>{each}</li>" for each in _reasons(task, score, base, found, teaching))
    return (
        f"<p>What the model does on its {now.rows[task]:,} held-out rows, {score.metric.name}"
        f"{unit}{early}:</p>{_bars(bars)}"
        f"<h3>Why this number is right</h3><ul class='why'>{reasons}</ul>"
    )


def _bars(rows: Sequence[tuple[str, Score, str]]) -> str:
    first, fixed = rows[0][1], [score.value for _, score, _ in rows[1:]]
    along = track(first.metric, fixed, [first.low, first.high])
    body = "".join(
        f"<tr><th scope='row'>{words}</th><td>"
        f"{along.drawn(x.value, x.low, x.high, None, None, f'{words}: {x.shown}', css)}</td>"
        f"<td class='num'><b>{x.shown}</b></td><td class='num quiet wide'>{x.span}</td></tr>"
        for words, x, css in rows
    )
    return f"<table class='studio attack'><tbody>{body}</tbody></table>"


def _reasons(
    task: str,
    score: Score,
    base: Score | None,
    found: Mapping[str, Judgment],
    teaching: Teachers | None,
) -> list[str]:
    """Only what was measured."""
    reasons, behaviour = [], found["exact"].measures.behaviour if found else None
    if behaviour and task in behaviour.never:
        never, after = behaviour.never[task], behaviour.after[task]
        same = "the same " if never.value == after.value else ""
        reasons.append(f"A model that never had {escape(task)} scores {same}{never.shown}.")
    if base is not None:
        beyond = "" if score.better_than(base.best) else ", and this model is not surely better"
        reasons.append(f"The untouched base, read by the same head, scores {base.shown}{beyond}.")
    if teaching is not None:
        reasons.append(_teachers(teaching))
    elif base is not None and score.better_than(base.best):
        reasons.append("Something that is still in the mix teaches it. Which, is not measured yet.")
    return reasons


def _teachers(teaching: Teachers) -> str:
    if not teaching.changes:
        return "No task is kept: what is left comes from the base."
    if not teaching.main:
        return "Leaving out any single kept task as well makes the score no surely worse."
    without, change = teaching.without[teaching.main], teaching.changes[teaching.main]
    return (
        f"<b>{escape(teaching.main)}</b> helps most: without {escape(teaching.main)} as well, the "
        f"score is {without.shown} ({change.words}, n={change.n:,}), the largest sure drop of "
        f"{len(teaching.changes)} tried."
    )


def returned(known: Sequence[Returned]) -> str:
    """A warning for tasks in the mix that a certificate says were taken out."""
    return "".join(
        f"<p class='note' role='alert' data-returned='{escape(each.task)}'><b>{escape(each.task)} "
        f"is in the mix, and {_certificate(each)} says that it was taken out</b> "
        f"(<code>{escape(each.certificate[:16])}…</code>). That certificate is about the "
        "model of that day: what you mix and export now has the task in it. "
        + (
            "A demo key signed it, so nothing keeps the task out.</p>"
            if each.demo
            else "It was let in again, which is in the log.</p>"
        )
        for each in known
    )


def _certificate(each: Returned) -> str:
    failed = " that failed," if each.failed else ""
    return f"a certificate{failed} of {escape(each.date)}"
