"""Scripts and style sheets of the page."""

import re

import gradio as gr

from studio.ui.components import BARE, STATIC, static, style_sheets


def test_every_script_and_style_sheet_is_read_as_text():
    for file in STATIC.iterdir():
        assert static(file.name) == file.read_text(encoding="utf-8")
    assert (STATIC / "studio.css").is_file()


def test_bare_html_is_nothing_but_what_it_holds():
    made = gr.HTML("<p>1</p>", **BARE)
    assert (made.apply_default_css, made.padding) == (False, False)


def test_the_style_of_paper_and_of_the_first_picture_is_not_that_of_the_page():
    names = [each.name for each in style_sheets()]
    assert names == sorted(names)
    assert {each.name for each in STATIC.glob("*.css")} - {*names} == {
        "print.css", "first_paint.css",
    }  # fmt: skip


def test_no_style_has_a_comma_where_the_page_would_end_the_selector():
    """Gradio puts the page's own class behind every comma: ``:has(p, ul)`` asks for it within."""
    for sheet in style_sheets():
        assert re.findall(r":(?:has|not)\([^)]*,[^)]*\)", sheet.read_text()) == [], sheet.name
