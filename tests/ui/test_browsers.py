"""Which browser asks."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.ui.browsers import COOKIE, is_browser_id, new_browser_id, session_of


def test_a_new_id_is_one_and_no_two_are_alike():
    assert is_browser_id(new_browser_id())
    assert new_browser_id() != new_browser_id()


@pytest.mark.parametrize("text", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 31 + "\n"])
def test_what_the_studio_did_not_make_is_no_id(text):
    assert not is_browser_id(text)


def test_a_browser_without_an_id_gets_a_session_of_its_tab():
    engine: Any = SimpleNamespace(session=lambda browser: browser)
    known: Any = SimpleNamespace(cookies={COOKIE: "a" * 32}, session_hash="x")
    stranger: Any = SimpleNamespace(cookies={COOKIE: "../etc"}, session_hash="x")
    assert session_of(engine, known) == "a" * 32
    assert session_of(engine, stranger) == "tab x"
    assert session_of(engine, None) == ""


def test_the_address_of_a_browser_is_noted_with_its_id():
    noted = {}
    engine: Any = SimpleNamespace(session=lambda browser: browser, comes_from=noted.__setitem__)
    cookies, client = {COOKIE: "a" * 32}, SimpleNamespace(host="192.0.2.7")
    request: Any = SimpleNamespace(cookies=cookies, session_hash="x", client=client)
    assert session_of(engine, request) == "a" * 32
    assert noted == {"a" * 32: "192.0.2.7"}
