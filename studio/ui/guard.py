"""What a running studio answers to: the requests of its own page, of a reasonable size."""

import math
import re
from typing import Any
from urllib.parse import unquote

from studio.ui.browsers import COOKIE, is_browser_id, new_browser_id
from studio.ui.hosts import Hosts, in_address, place, split
from studio.ui.limits import MOST_BYTES, MOST_FILES, Guesses, uploads_full
from studio.ui.programs import Programs, is_agents

LARGEST_BODY = 2**20  # bytes of any request; an upload is a recipe, which is smaller
LARGEST_DROP = 2**31  # of an upload where only this computer can ask: of an adapter or a table
_UPLOAD = "/gradio_api/upload"
_YEAR = 31_536_000  # seconds
_GET = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon|login|logout)/?"
    r"|/(static|assets|svelte)/.+"
    r"|/download/[0-9a-f]{32}\.zip"
    r"|/gradio_api/(info|startup-events|app_id|user|login_check|token|upload_progress|queue/data)/?"
    r"|/gradio_api/(heartbeat/|file=).+",
    re.DOTALL,
)
_POST = re.compile(r"/login/?|/gradio_api/(run/predict|queue/join|upload|cancel|reset)/?")
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
_FRAMED = "SameSite=None; Secure; Partitioned"  # a frame's cookie is kept apart for each site
_OWN_SITE = ("SameSite=Strict", "SameSite=Strict; Secure")
_CROSS_ORIGIN = "Refused: the request is cross-origin."
_HEARSAY = (b"forwarded", b"x-gradio-server")  # and all that begin with x-forwarded-
_LINKS = (
    (b'<base href="./" />', b'<base href="%s/" />'),
    (b'href="/manifest.json"', b'href="%s/manifest.json"'),
)
# A link from another site comes without the strict cookie; asked again by itself, with it.
_AGAIN = '<!doctype html><title>Opening</title><meta http-equiv="refresh" content="0; url=?">'


class OneOrigin:
    """Refuses what another site asks, adds security headers, and gives each browser an id.

    Plain ASGI; the id is a random cookie, so that a browser finds its own mix again.

    Args:
        app: that is guarded.
        hosts: what it answers to.
        programs: that may ask beside the page; None for none.
    """

    def __init__(
        self, app: Any, hosts: Hosts = Hosts(), programs: Programs | None = None  # noqa: B008
    ) -> None:  # fmt: skip
        self.app = app
        self.hosts = hosts
        self.programs = programs
        self.guesses = Guesses()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = _below(scope, self.hosts.path) | {"headers": _believed(scope, self.hosts)}
        if not self.hosts.behind_proxy:
            scope["scheme"] = "http"  # which the server lets a header change
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        answer = _strange(scope, headers, self.hosts) or self._refusal(scope, headers)
        if answer:
            await _answer(send, *answer)
            return

        login = scope["method"] == "POST" and scope["path"].rstrip("/") == "/login"
        visitor = (scope.get("client") or ("", 0))[0]
        too_much = self._too_much(scope, login, visitor) or self._unknown(scope, headers, visitor)
        if too_much:
            await _answer(send, *too_much)
            return
        added = _headers(self.hosts.frames)
        if scope["path"] == "/" and not is_browser_id(_cookie(headers)):
            added.append(self._named(scope, headers))

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added]}
                if login and message["status"] < 400:
                    self.guesses.right(visitor)
            await send(message)

        below = _rooted(guarded, self.hosts.path) if scope["path"] == "/" else guarded
        largest = _largest(scope["path"], self.hosts)
        await self.app(scope, _limited(receive, largest), below)

    def _named(self, scope: Any, headers: dict[bytes, str]) -> tuple[bytes, bytes]:
        """The header that gives a browser its id; a person's first request has it already."""
        site = _FRAMED if self.hosts.frames else _OWN_SITE[scope["scheme"] == "https"]
        own = f"{COOKIE}={new_browser_id()}"
        if headers.get(b"sec-fetch-mode") == "navigate":  # by a browser, which keeps it
            scope["headers"] = [*scope["headers"], (b"cookie", own.encode())]
        return b"set-cookie", f"{own}; Path=/; Max-Age={_YEAR}; HttpOnly; {site}".encode()

    def _refusal(self, scope: Any, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Status and words for what is neither the page's own request nor a program's."""
        if words := _cross_origin(scope, headers, self.hosts):
            return words
        method, path = scope["method"], unquote(scope["path"])
        if "://" in path.partition("file=")[2]:
            return 403, "Refused: the studio fetches nothing."
        known = {"GET": _GET, "HEAD": _GET, "POST": _POST}.get(method, _NONE).fullmatch(path)
        if not known and not (self.programs and self.programs.answers(method, path)):
            if self.programs and is_agents(path):
                return 405, "Refused: agents ask by POST, and are answered there."
            return 404, "The studio has no such address."
        size, largest = headers.get(b"content-length", "0"), _largest(path, self.hosts)
        if not size.isdecimal() or int(size) > largest:
            return 413, f"Refused: a request may have {largest:,} bytes."
        return None

    def _unknown(
        self, scope: Any, headers: dict[bytes, str], visitor: str
    ) -> tuple[int, str, float] | None:
        """Status, words and seconds to wait, for an agent that does not bring the password."""
        if self.programs is None or not self.programs.demands(unquote(scope["path"])):
            return None
        given = headers.get(b"authorization", "")
        if given and (wait := self.guesses.wait(visitor)):
            return _slower(wait)
        if not self.programs.is_right(given):
            return 401, "Refused: send user and password as an Authorization header (Basic).", 0
        self.guesses.right(visitor)
        return None

    def _too_much(self, scope: Any, login: bool, visitor: str) -> tuple[int, str, float] | None:
        """Status, words and seconds to wait, for what has been done too often."""
        if login and (wait := self.guesses.wait(visitor)):
            return _slower(wait)
        if scope["path"].rstrip("/") != _UPLOAD:
            return None
        most = 2 * LARGEST_DROP if self.hosts.alone else MOST_BYTES
        if uploads_full(_largest(scope["path"], self.hosts), most):
            words = (
                "Refused: the uploads of all visitors that nobody has loaded yet have "
                f"{most:,} bytes or {MOST_FILES:,} files; they go after an hour."
            )
            return 413, words, 0
        return None


def _headers(frames: str) -> list[tuple[bytes, bytes]]:
    """What every answer says beside its own headers."""
    if not frames:
        return list(_HEADERS)
    within = b"frame-ancestors " + frames.encode()
    return [
        (name, value.replace(b"frame-ancestors 'none'", within))
        for name, value in _HEADERS
        if name != b"x-frame-options"
    ]


def _below(scope: Any, root: str) -> Any:
    """The request as below the root, whether or not the proxy cut the root off its path."""
    path, raw = scope["path"], scope.get("raw_path") or b""
    if not root or not (path + "/").startswith(root + "/"):
        return scope
    raw = raw.removeprefix(root.encode()) or b"/"
    return {**scope, "path": path.removeprefix(root) or "/", "raw_path": raw}


def _believed(scope: Any, hosts: Hosts) -> list[tuple[bytes, bytes]]:
    """Its headers; of what a proxy may add the public name and scheme, if there is a proxy."""
    kept = (b"x-forwarded-host", b"x-forwarded-proto") if hosts.behind_proxy else ()
    return [
        (name, value)
        for name, value in scope["headers"]
        if name in kept or not (name in _HEARSAY or name.startswith(b"x-forwarded-"))
    ]


def _strange(scope: Any, headers: dict[bytes, str], hosts: Hosts) -> tuple[int, str] | None:
    """Status and words for a request under a name that the page does not answer to."""
    server = (scope.get("server") or ("", 0))[0]
    public = headers.get(b"x-forwarded-host", "").partition(",")[0].strip()
    for name in [headers.get(b"host", ""), *([public] if public else [])]:
        if not hosts.answer(name, server):
            return 400, f"Refused: this studio does not answer to {_allowing(name)}"
    return None


def _allowing(name: str) -> str:
    """A host and what allows it, if it is one: nothing else that a stranger sent is repeated."""
    found = place(name)
    if found is None:
        return "what was asked for, which is no name of a computer."
    at = in_address(found.name)
    return f"'{at}'. Whoever starts it can allow the name: --allow-host {at}"


def _cross_origin(scope: Any, headers: dict[bytes, str], hosts: Hosts) -> tuple[int, str] | None:
    """Status and words for what another site asks; None if none does."""
    method, path = scope["method"], scope["path"]
    origin = headers.get(b"origin")
    if origin is not None and not _is_own(origin, headers, hosts):
        return 403, _CROSS_ORIGIN
    if headers.get(b"sec-fetch-site") == "cross-site":
        shown = ("document", "iframe") if hosts.frames else ("document",)
        document = headers.get(b"sec-fetch-dest", "document") in shown
        if headers.get(b"sec-fetch-mode") != "navigate" or method != "GET" or not document:
            return 403, _CROSS_ORIGIN
        if path == "/" and not hosts.frames:  # else the cookie is not strict
            return 200, _AGAIN
    return None


def _slower(wait: float) -> tuple[int, str, float]:
    seconds = math.ceil(wait)
    return 429, f"Too many wrong passwords; try again in {seconds} s.", seconds


_NONE = re.compile(r"(?!)")


def _is_own(origin: str, headers: dict[bytes, str], hosts: Hosts) -> bool:
    """Whether an origin is the page: as it was asked for, or as its proxy shows it."""
    asked = (headers.get(b"host", ""), headers.get(b"x-forwarded-host", "").partition(",")[0])
    netloc = split(origin).netloc
    return (bool(netloc) and netloc in (each.strip() for each in asked)) or hosts.is_own(origin)


def _largest(path: str, hosts: Hosts) -> int:
    """Bytes that a request may have."""
    return LARGEST_DROP if hosts.alone and path.rstrip("/") == _UPLOAD else LARGEST_BODY


def _limited(receive: Any, largest: int) -> Any:
    """The same stream, cut off where a body without a stated length gets too long."""
    read = 0

    async def limited() -> Any:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return message if read <= largest else {"type": "http.disconnect"}

    return limited


def _rooted(send: Any, root: str) -> Any:
    """The same stream; its page says that its parts lie below the root, with or without a slash."""
    if not root:
        return send
    held: list[Any] = []

    async def rooted(message: Any) -> None:
        held.append(message)
        if message["type"] != "http.response.body" or message.get("more_body"):
            return
        begun, content = held[0], b"".join(each.get("body", b"") for each in held[1:])
        for own, below in _LINKS:
            content = content.replace(own, below % root.encode(), 1)
        kept = [pair for pair in begun["headers"] if pair[0] != b"content-length"]
        length = (b"content-length", str(len(content)).encode())
        await send({**begun, "headers": [*kept, length]})
        await send({"type": "http.response.body", "body": content})

    return rooted


def _cookie(headers: dict[bytes, str]) -> str:
    """The id that a browser sent, or ''."""
    pairs = (each.strip().partition("=") for each in headers.get(b"cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")


async def _answer(send: Any, status: int, words: str, wait: float = 0) -> None:
    kind = b"text/html" if words == _AGAIN else b"text/plain"
    headers = [(b"content-type", kind + b"; charset=utf-8"), *_HEADERS]
    headers += [(b"retry-after", b"%d" % wait)] if wait else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})
