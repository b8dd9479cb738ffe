"""The first paint: the first screen in the very page that is sent, before its programs have begun.

Gradio asks for what its components hold only once they are there, which takes seconds. Here the
page carries what its first screen holds: as the values its components begin with, and as a picture
of that screen, drawn at once, which goes when the page itself is there, in the same places.
"""

import json
from collections.abc import Callable
from typing import Any

from gradio.blocks import Block
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from studio.ui.browsers import COOKIE, is_browser_id, session_of
from studio.ui.components import static
from studio.ui.page import Page
from studio.ui.picture import picture

_PAGE = b'"elem_id":"headline"'  # in the page itself, and in no login
_PLACE = b"<gradio-app"
_HIDDEN = "#first-paint ~ gradio-app { visibility: hidden; }"
_LEFT_OUT = frozenset(("value", "elem_id", "elem_classes", "render", "key"))


class FirstPaint:
    """Puts the first screen into the page; plain ASGI, behind the guard.

    Args:
        app: that answers.
        paint: what is put in for a request.
    """

    def __init__(self, app: Any, paint: Callable[[Request], str]) -> None:
        self.app, self.paint = app, paint

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        opened = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        if not opened or not is_browser_id(Request(scope).cookies.get(COOKIE, "")):
            await self.app(scope, receive, send)
            return
        held: list[Any] = []

        async def painted(message: Any) -> None:
            held.append(message)
            if message["type"] != "http.response.body" or message.get("more_body"):
                return
            begun, content = held[0], b"".join(each.get("body", b"") for each in held[1:])
            if _PAGE in content and _PLACE in content:
                added = await run_in_threadpool(self.paint, Request(scope))
                content = content.replace(_PLACE, added.encode() + _PLACE, 1)
            kept = [pair for pair in begun["headers"] if pair[0] != b"content-length"]
            length = (b"content-length", str(len(content)).encode())
            await send({**begun, "headers": [*kept, length]})
            await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, painted)


def paint_of(page: Page, theme: Callable[[], str]) -> Callable[[Request], str]:
    """What makes the first screen of whoever asks.

    Args:
        page: that is shown, laid out.
        theme: the theme's style sheet.
    """

    def paint(request: Request) -> str:
        session = session_of(page.engine, request)  # type: ignore[arg-type]
        held = {block: props(block, value) for block, value in page.first(session).items()}
        told = {
            "props": {block._id: each for block, each in held.items()},
            "picture": picture(page, held),
            "mixer": held[page.mixer.mix]["value"],
            "results": held[page.mixer.results]["value"],
            "link": session.links()[0],
        }
        begins = f"const first = {script_safe(told)};"
        mixer = f"function drawMixer(element, props, trigger, watch) {{\n{static('mixer.js')}\n}}"
        return (
            f"<style>{theme()} {_HIDDEN}</style>"
            "<div id='first-paint' inert aria-hidden='true'></div>"
            f"<script>(() => {{\n{begins}\n{mixer}\n{static('first_paint.js')}\n}})();</script>"
        )

    return paint


def props(block: Block, drawn: object) -> dict[str, Any]:
    """What a component is told at its start in place of what it was laid out with.

    Args:
        block: that is told.
        drawn: its value, or a component with what is to change.
    """
    if not isinstance(drawn, Block):
        return {"value": block.postprocess(drawn)}  # type: ignore[attr-defined]
    given = drawn.constructor_args
    found = {name: each for name, each in given.items() if name not in _LEFT_OUT}
    if "value" in given:
        found["value"] = block.postprocess(given["value"])  # type: ignore[attr-defined]
    return found


def script_safe(told: object) -> str:
    """As JSON that ends no script that it stands in."""
    return json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")
