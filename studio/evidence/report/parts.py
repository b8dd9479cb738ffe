"""Pieces of the report's page: escaped text, numbers, digests, marks and tables."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from studio.errors import visible

MARKS = {
    "pass": "<b class='good'>✓ passed</b>",
    "fail": "<b class='bad'>✗ FAILED</b>",
    "not run": "<b class='warn'>– not run</b>",
    "information": "<span class='quiet'>for information</span>",
    "alive": "<b class='bad'>✗ ALIVE until recalled</b>",
    "missing": "<b class='warn'>? MISSING, not shown to be gone</b>",
    "recalled": "<b class='good'>✓ recalled</b>",
}
_HEX = re.compile(r"[0-9a-f]{32,}")


def text(value: object) -> str:
    """Anything as text that a page shows and never obeys."""
    return escape(visible(" ".join(str(value).split())))


def mark(state: str) -> str:
    """A result or state as a sign and a word; an unknown one as it is."""
    return MARKS.get(state, f"<b class='warn'>{text(state)}</b>")


def number(value: object, unit: str = "") -> str:
    """A number with its unit, short enough to read; text and digests as they are."""
    if value is None:
        return "–"
    if isinstance(value, str) and _HEX.fullmatch(value):
        return digest(value)
    if isinstance(value, float):
        words = (f"{value:.1f}" if unit == "%" else f"{value:.4g}").replace("-", "−")
    elif isinstance(value, int) and not isinstance(value, bool):
        words = f"{value:,}".replace("-", "−")
    else:
        words = text(value)
    return f"{words} {text(unit)}".rstrip()


def signed(value: float) -> str:
    """A coefficient with its sign, a real minus included."""
    return f"{value + 0.0:+.3f}".replace("-", "−")


def digest(value: str) -> str:
    """The first twelve digits, as one reads them out, then all of them."""
    whole = text(value)
    return f"<code class='short' title='{whole}'>{whole[:12]}</code><code>{whole}</code>"


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four, to be compared by voice."""
    groups = (text(fingerprint[i : i + 4]) for i in range(0, len(fingerprint), 4))
    return "<code class='groups'>" + " ".join(f"<span>{g}</span>" for g in groups) + "</code>"


def moment(time: str) -> str:
    """A UTC time stamp for people."""
    return text(re.sub(r"^(\S+)T(\S+)Z$", r"\1 \2 UTC", time))


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], css: str = ""
) -> str:
    """A table whose rows turn into cards on a phone; the cells are HTML."""
    head = "".join(f"<th scope='col'>{column}</th>" for column in columns)
    body = "".join(f"<tr>{_cells(columns, row)}</tr>" for row in rows)
    return (
        f"<table class='{css}'><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Questions and their answers; the answers are HTML."""
    pairs = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f"<dl>{pairs}</dl>"


def _cells(columns: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f"<td data-label='{column}'>{cell}</td>"
        for column, cell in zip(columns[1:], others, strict=True)
    )
    return f"<th scope='row'>{first}</th>{cells}"
