"""The picture of the first screen: what stands where until the page itself is there."""

from collections.abc import Mapping
from html import escape
from typing import Any

from gradio.blocks import Block

from studio.ui.components import static, style_sheets
from studio.ui.page import Page
from studio.ui.tabs.results import ResultsTab
from studio.ui.views.header import keys

Held = Mapping[Block, Mapping[str, Any]]


def picture(page: Page, held: Held) -> str:
    """Style and HTML, for a shadow tree of its own; the mixer's rows are drawn into it.

    Args:
        page: laid out.
        held: what its components begin with, where that is another than what they were laid out
            with.
    """
    header, mixer = page.header, page.mixer
    ways = "".join(_button(each, held) for each in header.ways.values())
    edits = "".join(_button(each, held) for each in mixer.bar)
    tabs = "".join(f"<span class='tab'>{escape(tab.title)}</span>" for tab in page.tabs)
    trouble = _text(mixer.trouble, held)
    prove = _button(mixer.prove, held, "lg") if held[mixer.prove].get("visible") else ""
    return (
        f"<style>{_style()}</style><div class='page'><div class='sheet'>"
        f"<div id='top'><div id='brand'><div id='title'>{_text(header.heading, held)}</div>{ways}"
        f"<div id='help'><div><div>{keys()}</div></div></div></div>"
        f"<div id='headline'>{_text(header.headline, held)}</div></div>"
        "<div class='row'><div id='left'><div id='mixer'><div class='mixer'></div></div><i></i>"
        f"<div id='mix-actions'>{edits}</div><div id='trouble'>{trouble}</div>{prove}"
        f"<div id='optimize' class='boxed'>{escape(str(page.search.panel.label))}</div></div>"
        f"<div class='right'><div class='tab-container'>{tabs}</div>{_first_tab(page, held)}</div>"
        "</div></div></div>"
    )


def _first_tab(page: Page, held: Held) -> str:
    """Its rows; nothing where texts that models write stand above them."""
    tab = next(each for each in page.tabs if isinstance(each, ResultsTab))
    if held.get(tab.writing.section, {}).get("visible"):
        return ""
    words = escape(str(tab.rows.only_changed.label))
    return (
        f"<div id='first-tab'><div class='boxed'><input type='checkbox'>{words}</div>"
        f"<div id='rows'>{_text(tab.rows.rows, held)}</div></div>"
    )


def _text(block: Block, held: Held) -> str:
    return str(held.get(block, {}).get("value") or getattr(block, "value", None) or "")


def _button(block: Any, held: Held, css: str = "sm") -> str:
    now = held.get(block, {})
    off = "" if now.get("interactive", True) else " disabled"
    words = escape(str(now.get("value", block.value)))
    return f"<button id='{block.elem_id}' class='gr {css}'{off}>{words}</button>"


def _style() -> str:
    """The page's own style sheets, for a tree of which the picture is the root."""
    sheets = "".join(each.read_text(encoding="utf-8") for each in style_sheets())
    return static("first_paint.css") + sheets.replace(":root", ":host")
