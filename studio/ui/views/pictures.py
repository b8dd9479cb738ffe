"""Held-out pictures with the five labels that base, expert and mix find likeliest."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

from studio.measure.examples import RowAt
from studio.measure.showcase import Likeliest, Reading, ShownRow
from studio.session.examples import Looks

_MODELS = ("base", "expert", "before this move", "now")


def pictures(rows: Sequence[ShownRow], looks: Mapping[RowAt, Looks]) -> str:
    """The rows that are pictures; empty if there are none.

    Args:
        rows: that are shown, among others.
        looks: by row, the likeliest labels by base, expert, before and now.
    """
    drawn = "".join(_figure(row, looks[row.at]) for row in rows if row.picture is not None)
    if not drawn:
        return ""
    return (
        "<p class='quiet'>Held-out pictures with the five likeliest labels, and the share that "
        f"each head's softmax gives them (not a calibrated probability); ✓ is right.</p>{drawn}"
    )


def _figure(row: ShownRow, looks: Looks) -> str:
    assert row.picture is not None
    data = b64encode(row.picture).decode()
    moved = " moved" if row.changed else ""
    columns = "".join(
        f"<div><h4>{title}</h4>{_labels(found, row.label)}</div>"
        for title, found in zip(_MODELS, looks, strict=True)
    )
    return (
        f"<figure class='seen{moved}' data-task='{escape(row.task)}' data-place='{row.place}'>"
        f"<img src='data:image/webp;base64,{data}' alt='{escape(row.shown)}'>"
        f"<figcaption><b>{escape(row.label)}</b> <span class='quiet'>{escape(row.task)}, "
        f"{escape(row.shown)}</span></figcaption><div class='looks'>{columns}</div></figure>"
    )


def _labels(found: Likeliest | None, right: str) -> str:
    if found is None:
        return "<p class='quiet'>not looked at yet</p>"
    return f"<ol>{''.join(_label(each, right) for each in found)}</ol>"


def _label(each: Reading, right: str) -> str:
    css, sign = (" class='up'", "✓ ") if each.label == right else ("", "")
    return (
        f"<li><span{css}>{sign}{escape(each.label)}</span>"
        f"<span class='num'>{each.probability:.0%}</span>"
        f"<span class='share'><i style='width:{100 * each.probability:.1f}%'></i></span></li>"
    )
