"""Held-out rows and a text of one's own, as the shown mix and another one read them."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.measure.showcase import Reading, ShownRow
from studio.tasks.metric import LOSS


def rows_table(rows: Sequence[ShownRow], changed: int, only_changed: bool) -> str:
    """Rows in words with the right answer, the prediction before the last move, and now."""
    if not rows and not only_changed:
        return "<p class='quiet'>Reading the first rows …</p>"
    what = "predictions" if all(row.label for row in rows) else "predictions or losses"
    marks = "✓ right, ✗ wrong"
    if not all(row.label for row in rows):
        marks += f"; a loss is in {LOSS.unit}"
    moved = f"This move changed <b id='changed'>{changed:,}</b> {what}."
    if not rows:
        return f"<p>{moved} Move a slider further to see some change.</p>"
    shown = f" Shown are {len(rows)} of them." if only_changed else ""
    in_words = [row for row in rows if row.picture is None]
    if not in_words:
        return f"<p>{moved}{shown}</p>"
    body = "".join(_row(row) for row in in_words)
    noun = escape(" or ".join(dict.fromkeys(row.noun for row in in_words)))
    return (
        f"<p>{moved}{shown}</p><div class='scroll'><table class='studio examples'>"
        f"<caption>Held-out rows: {marks}</caption><thead><tr>"
        f"<th scope='col'>task</th><th scope='col'>{noun}</th><th scope='col'>right answer</th>"
        "<th scope='col'>before this move</th><th scope='col'>now</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


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
        f"<td class='text'>{escape(row.shown)}</td><td>{escape(row.label)}</td>"
        f"<td>{_verdict(row.before, row.label)}</td><td>{_verdict(row.now, row.label)}</td></tr>"
    )


def _verdict(predicted: str, label: str) -> str:
    if not predicted:
        return "<span class='quiet'>not read yet</span>"
    if not label:  # a loss, which is more or less and not right or wrong
        return escape(predicted)
    right = predicted == label
    css, sign = ("up", "✓") if right else ("down", "✗")
    return f"<span class='{css}'>{sign} {escape(predicted)}</span>"


def _reading(reading: Reading | None) -> str:
    if reading is None:
        return "<span class='quiet'>…</span>"
    return f"{escape(reading.label)} <span class='quiet'>{reading.probability:.0%}</span>"
