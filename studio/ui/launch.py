"""Safe launch: loopback, one origin, strict headers, no telemetry, nothing shared."""

import errno
import importlib.util
import os
import socket
from typing import Any

from gradio.themes import Base
from starlette.middleware import Middleware

from studio.disk.cache import cache_folder
from studio.errors import StudioError
from studio.lesson.page import ARROWS_STYLE
from studio.session.engine import Engine
from studio.ui.agents import answer_in_json
from studio.ui.components import static, style_sheets
from studio.ui.download import add_download
from studio.ui.first_paint import FirstPaint, paint_of
from studio.ui.guard import LARGEST_DROP, OneOrigin
from studio.ui.hosts import Hosts, in_address
from studio.ui.installed import COLOR, HEAD, ICON, add_manifest
from studio.ui.page import Page
from studio.ui.programs import Programs

_LARGEST_UPLOAD = 2**19  # bytes; of others than this computer only recipes come by upload
_CLOSED: dict[str, Any] = {
    "share": False, "ssr_mode": False, "pwa": False,
    "enable_monitoring": False, "run_history": False, "footer_links": [], "show_error": False,
    "strict_cors": True, "allowed_paths": [],
    "state_session_capacity": 16, "quiet": True,
}  # fmt: skip
_PORTS = range(7860, 7960)


def start(
    engine: Engine,
    hosts: Hosts,
    port: int | None,
    auth: tuple[str, str] | None,
    browser: bool,
    api: bool = False,
) -> str:
    """Serve the page without blocking.

    Args:
        engine: what the page shows.
        hosts: the address to bind, and what else the page answers to.
        port: None takes the first free one from 7860 on.
        auth: user and password, demanded of every visitor.
        browser: whether to open the page.
        api: whether other programs may ask, too: by Gradio's API, and as agents by MCP.

    Returns:
        The page's address.

    Raises:
        StudioError: the address or port cannot be had.
    """
    port = free_port(hosts.bound, port)
    os.environ["FORWARDED_ALLOW_IPS"] = ",".join(hosts.proxies)  # the server reads it there alone
    page = Page(engine, api)
    blocks = page.build()
    paint = Middleware(FirstPaint, paint=paint_of(page, lambda: blocks.theme_css))
    guard = Middleware(OneOrigin, hosts=hosts, programs=Programs(auth) if api else None)
    blocks.delete_cache = (600, 3600)  # seconds: looked for, and of age
    app, address, _ = blocks.queue(max_size=64, default_concurrency_limit=2).launch(
        server_name=in_address(hosts.bound),
        root_path=hosts.root,
        server_port=port,
        auth=auth,
        inbrowser=browser,
        prevent_thread_lock=True,
        blocked_paths=[str(cache_folder().absolute()), str(engine.ledger.folder.absolute())],
        max_file_size=LARGEST_DROP if hosts.alone else _LARGEST_UPLOAD,
        theme=_theme(),
        css_paths=[*style_sheets(), ARROWS_STYLE],
        head=f"{HEAD}<style media='print'>{static('print.css')}</style>",
        favicon_path=ICON,
        app_kwargs={"middleware": [guard, paint]},
        mcp_server=api,
        **_CLOSED,
    )
    if blocks.mcp_server_obj:
        answer_in_json(blocks.mcp_server_obj)
    add_download(app, engine)
    add_manifest(app)
    return address


def has_mcp() -> bool:
    """Whether agents can be answered: the package for that is an extra of this one."""
    return importlib.util.find_spec("mcp") is not None


def free_port(host: str, port: int | None) -> int:
    """The port if it can be had on an address; without one, the first from 7860 on.

    Raises:
        StudioError: it is in use, or this computer has no such address.
    """
    bare = in_address(host).strip("[]")
    try:
        found = socket.getaddrinfo(bare, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise StudioError(f"--host {host} is no address or name of a computer.") from None
    family, address = found[0][0], found[0][4]
    for each in _PORTS if port is None else (port,):
        if not 0 < each < 2**16:
            raise StudioError(f"--port {each} is no port; give one from 1 to 65535.")
        problem = _why_not(family, (address[0], each, *address[2:]))
        if problem is None and host != "127.0.0.1":  # gradio looks there, too
            problem = _why_not(socket.AF_INET, ("127.0.0.1", each))
        if problem is None:
            return each
        if problem.errno != errno.EADDRINUSE:
            raise StudioError(f"--host {host}, port {each}: {problem.strerror}.")
    if port is None:
        raise StudioError(
            f"All ports from {_PORTS[0]} to {_PORTS[-1]} are in use; give another with --port."
        )
    raise StudioError(
        f"Port {port} is in use by another program; give another with --port, or leave it out to "
        "take the first free one."
    )


def _why_not(family: int, address: tuple) -> OSError | None:
    """Why an address and port cannot be bound; None if they can."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as problem:
        return problem
    return None


def _theme() -> Base:
    theme = Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return theme.set(
        body_text_color_subdued="#52525b",
        body_text_color_subdued_dark="#c4c4cc",
        block_label_text_color="#3f3f46",
        block_label_text_color_dark="#e4e4e7",
        color_accent=COLOR,
        button_primary_background_fill=COLOR,
        button_primary_background_fill_hover="#00456b",
        button_primary_background_fill_dark=COLOR,
        button_primary_text_color="#ffffff",
    )
