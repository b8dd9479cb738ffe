"""Which browser asks: the id in its cookie, and the session that belongs to it."""

import re
import secrets

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session

COOKIE = "mdm-oc-studio"


def new_browser_id() -> str:
    """An id for a browser that comes without one; it says nothing about who that is."""
    return secrets.token_hex(16)


def is_browser_id(text: str) -> bool:
    """Whether it is an id that ``new_browser_id`` can have made."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None


def session_of(engine: Engine, request: gr.Request | None) -> Session:
    """The session of the browser that asks, by its cookie; without one, of its tab alone."""
    if request is None:
        return engine.session("")
    given = request.cookies.get(COOKIE, "")
    browser = given if is_browser_id(given) else f"tab {request.session_hash}"
    if client := getattr(request, "client", None):  # behind proxies that are named: the visitor
        engine.comes_from(browser, str(client.host))
    return engine.session(browser)
