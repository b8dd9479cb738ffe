"""The top of the page without a browser."""

from dataclasses import replace
from html import escape
from types import SimpleNamespace
from typing import Any

from studio.ui.header import Header
from studio.ui.view import View
from tests.ui.snapshots import snapshot


def test_the_headline_follows_every_step_and_the_screen_reader_only_the_words():
    header, now = Header(SimpleNamespace(read_only=False)), snapshot()  # type: ignore[arg-type]
    header.build()
    session: Any = SimpleNamespace(browser="me")
    first, second = (
        {piece.name: piece for piece in header.pieces(View(session, each, "", {}))}
        for each in (now, replace(now, version=2))
    )
    assert first["headline"].key != second["headline"].key
    assert first["status"].key == second["status"].key == "Mean accuracy 70.0%."
    assert "70.0%" in first["headline"].draw()[header.headline]


def test_a_loaded_page_names_its_zoo(driver):
    assert (
        f"<option value='' selected>{escape(driver.session.zoo.name)}</option>"
        in driver.load()["title"]
    )
