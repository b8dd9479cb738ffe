"""Safe launch: loopback, one origin, strict headers, no telemetry, nothing shared."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from gradio.themes import Base
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from studio.session.engine import Engine
from studio.ui.page import ASSETS, Page
from studio.ui.parts import COOKIE, new_browser_id

_YEAR = 31_536_000  # seconds
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; "
        b"object-src 'none'; base-uri 'self'",
    ),
]


class OneOrigin:
    """Refuses what another site asks, adds security headers, and gives each browser an id.

    Plain ASGI; the id is a random cookie, so that a browser finds its own mix again.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if scope["type"] == "websocket" or _foreign(scope, headers):
            await _refuse(scope, send)
            return

        added = list(_HEADERS)
        if scope["path"] == "/" and COOKIE + "=" not in headers.get(b"cookie", ""):
            words = (
                f"{COOKIE}={new_browser_id()}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Strict"
            )
            added.append((b"set-cookie", words.encode()))

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self.app(scope, receive, guarded)


def start(
    engine: Engine, host: str, port: int | None, auth: tuple[str, str] | None, browser: bool
) -> str:
    """Serve the page without blocking.

    Args:
        engine: what the page shows.
        host: address to bind.
        port: None takes the first free one from 7860 on.
        auth: user and password, demanded of every visitor.
        browser: whether to open the page.

    Returns:
        The page's address.
    """
    blocks = Page(engine).build()
    blocks.delete_cache = (3600, 86400)
    hosts = sorted({*LOOPBACK, host})
    _, address, _ = blocks.queue(max_size=64, default_concurrency_limit=2).launch(
        server_name=host,
        server_port=port,
        auth=auth,
        inbrowser=browser,
        prevent_thread_lock=True,
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        show_error=False,
        strict_cors=True,
        allowed_paths=[],
        max_file_size="2gb",
        state_session_capacity=16,
        quiet=True,
        theme=_theme(),
        css_paths=[ASSETS / "studio.css"],
        app_kwargs={
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
                Middleware(OneOrigin),
            ]
        },
    )
    return address


def _foreign(scope: Any, headers: dict[bytes, str]) -> bool:
    """Whether another site asked, or a file address would make the server fetch something."""
    origin = headers.get(b"origin")
    if origin is not None and urlsplit(origin).netloc != headers.get(b"host", ""):
        return True
    if headers.get(b"sec-fetch-site") == "cross-site":
        return headers.get(b"sec-fetch-mode") != "navigate" or scope.get("method") != "GET"
    _, found, file = unquote(scope["path"]).partition("file=")
    return bool(found) and "://" in file


async def _refuse(scope: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain"), *_HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"Refused: the request is cross-origin."})


def _theme() -> Base:
    theme = Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return theme.set(
        body_text_color_subdued="#52525b",
        body_text_color_subdued_dark="#c4c4cc",
        block_label_text_color="#3f3f46",
        block_label_text_color_dark="#e4e4e7",
        color_accent="#005a8c",
        button_primary_background_fill="#005a8c",
        button_primary_background_fill_hover="#00456b",
        button_primary_background_fill_dark="#005a8c",
        button_primary_text_color="#ffffff",
    )
