"""What every part of the page shares: how components are bare and callbacks quiet, and whose."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session

Edited = Callable[[Session, Callable[[], None]], tuple]  # changes a mix; the mixer's outputs
COOKIE = "mdm-oc-studio"
STATIC = Path(__file__).parent / "static"
BARE: dict[str, Any] = {"apply_default_css": False, "padding": False}
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "queue": False,
}


def static(name: str) -> str:
    """The text of a script or style sheet of the page."""
    return (STATIC / name).read_text(encoding="utf-8")


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
    return engine.session(given if is_browser_id(given) else f"tab {request.session_hash}")
