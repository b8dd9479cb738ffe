"""Safe launch: loopback, one origin, strict headers, no telemetry, nothing shared."""

from typing import Any

from gradio.themes import Base
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from studio.disk.cache import cache_folder
from studio.session.engine import Engine
from studio.ui.components import STATIC, static
from studio.ui.guard import OneOrigin
from studio.ui.page import Page

_LARGEST_UPLOAD = 2**19  # bytes; only recipes come by upload
_CLOSED: dict[str, Any] = {
    "share": False, "ssr_mode": False, "pwa": False, "mcp_server": False,
    "enable_monitoring": False, "run_history": False, "footer_links": [], "show_error": False,
    "strict_cors": True, "root_path": "", "allowed_paths": [], "max_file_size": _LARGEST_UPLOAD,
    "state_session_capacity": 16, "quiet": True,
}  # fmt: skip
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
        blocked_paths=[str(cache_folder().absolute()), str(engine.ledger.folder.absolute())],
        theme=_theme(),
        css_paths=[STATIC / "studio.css"],
        head=f"<style media='print'>{static('print.css')}</style>",
        app_kwargs={
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
                Middleware(OneOrigin),
            ]
        },
        **_CLOSED,
    )
    return address


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
