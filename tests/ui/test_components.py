"""Scripts and style sheets of the page."""

import gradio as gr

from studio.ui.components import BARE, STATIC, static


def test_every_script_and_style_sheet_is_read_as_text():
    for file in STATIC.iterdir():
        assert static(file.name) == file.read_text(encoding="utf-8")
    assert (STATIC / "studio.css").is_file()


def test_bare_html_is_nothing_but_what_it_holds():
    made = gr.HTML("<p>1</p>", **BARE)
    assert (made.apply_default_css, made.padding) == (False, False)
