"""What every part of the page shares: how components are bare and callbacks quiet, and whose."""

import re
import secrets
from typing import Any

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session

COOKIE = "mdm-oc-studio"
BARE: dict[str, Any] = {"apply_default_css": False, "padding": False}
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "queue": False,
}


def new_browser_id() -> str:
    """An id for a browser that comes without one; it says nothing about who that is."""
    return secrets.token_hex(16)


def session_of(engine: Engine, request: gr.Request | None) -> Session:
    """The session of the browser that asks, by its cookie."""
    given = request.cookies.get(COOKIE, "") if request else ""
    return engine.session(given if re.fullmatch("[0-9a-f]{32}", given) else "")
