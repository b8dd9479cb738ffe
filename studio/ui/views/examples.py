"""Held-out rows and a text of one's own, as the shown mix and another one read them."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.measure.showcase import Reading, ShownRow
from studio.tasks.metric import LOSS

_SHORT = 120  # letters of a document that are shown at once


def rows_table(rows: Sequence[ShownRow], changed: int, only_changed: bool) -> str:
    """Rows in words with what two models predict, and those with a loss by how much it moved."""
    if not rows and not only_changed:
        return "<p class='quiet'>Reading the first rows …</p>"
    labelled = [row for row in rows if row.label]
    losses = [row for row in rows if not row.label]
    what = "losses" if losses and not labelled else "predictions"
    what += " or losses" if losses and labelled else ""
    moved = f"This move changed <b id='changed'>{changed:,}</b> {what}."
    if not rows:
        return f"<p>{moved} Move a slider further to see some change.</p>"
    if any(row.change for row in losses):
        moved += " Of losses, those that changed most are shown."
    elif only_changed:
        moved += f" Shown are {len(rows)} of them."
    in_words = [row for row in labelled if row.picture is None]
    predicted = _predictions(in_words) if in_words else ""
    return f"<p>{moved}</p>{predicted}{_losses(losses) if losses else ''}"


def _predictions(rows: Sequence[ShownRow]) -> str:
    columns = ("task", _nouns(rows), "right answer", "before this move", "now")
    body = "".join(_row(row) for row in rows)
    return _table("Held-out rows: ✓ right, ✗ wrong", columns, body)


def _losses(rows: Sequence[ShownRow]) -> str:
    """Rows with the largest change first; less is better."""
    ordered = sorted(rows, key=lambda row: -abs(row.change or 0.0))
    caption = f"Losses of held-out rows, in {LOSS.unit}: less is better"
    columns = ("task", _nouns(rows), "before this move", "now", "change")
    return _table(caption, columns, "".join(_loss_row(row) for row in ordered))


def _table(caption: str, columns: Sequence[str], body: str) -> str:
    heads = "".join(f"<th scope='col'>{each}</th>" for each in columns)
    return (
        f"<div class='scroll'><table class='studio examples'><caption>{caption}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _nouns(rows: Sequence[ShownRow]) -> str:
    return escape(" or ".join(dict.fromkeys(row.noun for row in rows)))


def readings_table(now: Mapping[str, Reading], pinned: Mapping[str, Reading], text: str) -> str:
    """What every head makes of the own text, by the shown mix and by the pinned one."""
    if not text:
        return ""
    if not now:
        return "<p class='quiet'>Reading your text …</p>"
    body = "".join(
        f"<tr data-task='{escape(task)}'><th scope='row'>{escape(task)}</th>"
        f"<td>{_reading(reading)}</td><td>{_reading(pinned.get(task))}</td></tr>"
        for task, reading in now.items()
    )
    return (
        "<table class='studio readings'><caption>The likeliest label by each head, with the share "
        "that its softmax gives it (not a calibrated probability)</caption><thead><tr>"
        "<th scope='col'>task</th><th scope='col'>now</th><th scope='col'>pinned mix</th></tr>"
        f"</thead><tbody>{body}</tbody></table>"
    )


def _row(row: ShownRow) -> str:
    css = " class='moved'" if row.changed else ""
    return (
        f"<tr{css} data-task='{escape(row.task)}'><th scope='row'>{escape(row.task)}</th>"
        f"<td class='text'>{escape(row.shown)}</td>"
        f"<td data-label='right answer'>{escape(row.label)}</td>"
        f"<td data-label='before'>{_verdict(row.before, row.label)}</td>"
        f"<td data-label='now'>{_verdict(row.now, row.label)}</td></tr>"
    )


def _loss_row(row: ShownRow) -> str:
    unread = "<span class='quiet'>not read yet</span>"
    before, now = (escape(each) or unread for each in (row.before, row.now))
    return (
        f"<tr data-task='{escape(row.task)}'><th scope='row'>{escape(row.task)}</th>"
        f"<td class='text'>{_document(row.shown)}</td>"
        f"<td class='num' data-label='before'>{before}</td>"
        f"<td class='num' data-label='now'>{now}</td>"
        f"<td class='num' data-label='change'>{_change(row.change)}</td></tr>"
    )


def _document(text: str) -> str:
    """A text, of which the most opens where it is long."""
    if len(text) <= _SHORT:
        return escape(text)
    first = " ".join(text[:_SHORT].split())
    return f"<details><summary>{escape(first)} …</summary>{escape(text)}</details>"


def _change(change: float | None) -> str:
    if change is None:
        return "<span class='quiet'>…</span>"
    words = LOSS.difference(change)
    if float(words) == 0:
        return "<span class='quiet'>none</span>"
    css, said = ("up", "better") if change < 0 else ("down", "worse")
    return f"<span class='{css}'>{words} {said}</span>"


def _verdict(predicted: str, label: str) -> str:
    if not predicted:
        return "<span class='quiet'>not read yet</span>"
    right = predicted == label
    css, sign = ("up", "✓") if right else ("down", "✗")
    return f"<span class='{css}'>{sign} {escape(predicted)}</span>"


def _reading(reading: Reading | None) -> str:
    if reading is None:
        return "<span class='quiet'>…</span>"
    return f"{escape(reading.label)} <span class='quiet'>{reading.probability:.0%}</span>"
