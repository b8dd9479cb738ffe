"""The download of an export: one address, for the browser that exported it, without a copy."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from studio.disk.archive import Listing, refuse_changed, zipped
from studio.errors import StudioError
from studio.session.engine import Engine
from studio.ui.browsers import COOKIE, is_browser_id
from studio.ui.remedies import told

ADDRESS = "download/{name}.zip"  # below the page's root; in OneOrigin's list, too
_LOGIN_CHECK = "/gradio_api/login_check"


def add_download(app: Any, engine: Engine) -> None:
    """Serve what browsers have exported; before the page's own addresses, which take the rest.

    Args:
        app: of the page, which knows who has logged in.
        engine: whose sessions know what they exported.
    """

    async def download(request: Request) -> Response:
        if await _status(app, request, _LOGIN_CHECK) != 200:
            return PlainTextResponse("Log in first.", 401)
        return await run_in_threadpool(_answer, engine, request)

    app.router.routes.insert(0, Route(f"/{ADDRESS}", download))


async def _status(app: Any, request: Request, path: str) -> int:
    """How the page answers the same browser at another address."""
    kept = ("type", "asgi", "http_version", "scheme", "query_string", "root_path", "client")
    scope = {k: v for k, v in request.scope.items() if k in (*kept, "headers", "server")}
    found = [500]

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def look(message: Any) -> None:
        if message["type"] == "http.response.start":
            found[0] = message["status"]

    asked = {"method": "GET", "path": path, "raw_path": path.encode()}
    await app(scope | asked, nothing, look)
    return found[0]


def _answer(engine: Engine, request: Request) -> Response:
    browser = request.cookies.get(COOKIE, "")
    known = engine.session(browser) if is_browser_id(browser) else None
    found = known.exports.downloads.find(request.path_params["name"]) if known else None
    if found is None:
        return PlainTextResponse("This browser has exported nothing of that name.", 404)
    try:
        refuse_changed(found)
    except StudioError as problem:
        return PlainTextResponse(told(problem), 409)
    words = f"attachment; filename*=UTF-8''{quote(f'{found.folder.name}.zip', safe='')}"
    headers = {"content-disposition": words, "cache-control": "no-store"}
    if request.method == "HEAD":
        return Response(None, headers=headers, media_type="application/zip")
    return StreamingResponse(_sent(found), headers=headers, media_type="application/zip")


def _sent(found: Listing) -> Iterator[bytes]:
    """The pieces; the connection is cut where the folder has changed, and no end is sent."""
    try:
        yield from (piece for piece in zipped(found) if piece)
    except StudioError as problem:
        raise ConnectionAbortedError(told(problem)) from None
