"""One endpoint of the Hub: answers are bounded, redirects looked at, refusals said in words."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from studio import __version__
from studio.disk.files import parse_json
from studio.errors import BadRemote, NotAllowed, Remedy

if TYPE_CHECKING:
    from httpx2 import Response

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""Variables by which a person forbids it, as huggingface_hub reads them."""
LARGEST_ANSWER = 32 * 2**20  # bytes of a list of files
_MOST_REDIRECTS = 5
_PATIENCE = 30.0  # seconds without a byte
_REDIRECTS = (301, 302, 303, 307, 308)
_SPAN = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


@dataclass(frozen=True)
class Endpoint:
    """Where the Hub is, and as whom it is asked.

    Attributes:
        url: without a slash at its end.
        token: of the person's own login; goes to this address only, and is never shown.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def json(self, path: str, what: str) -> object:
        """The answer to a question, parsed.

        Args:
            path: behind the address.
            what: is asked for, for people.

        Raises:
            BadRemote: it does not exist, is closed, or the answer is none.
        """
        with self.answer(f"{self.url}{path}", what) as answer:
            text = b"".join(_bounded(answer, LARGEST_ANSWER, what))
        try:
            return parse_json(text.decode(), f"The Hub's answer on {what}", BadRemote)
        except UnicodeDecodeError:
            raise BadRemote(f"The Hub's answer on {what} is not UTF-8 text.") from None

    def first(self, url: str, size: int, most: int, what: str) -> bytes:
        """The first bytes of a file.

        Args:
            url: of the file.
            size: that the file must have, in bytes.
            most: bytes that are read.
            what: it is, for people.

        Raises:
            BadRemote: it is shorter than its list says, or as ``json``.
        """
        wanted = min(most, size)
        with self.answer(url, what, {"Range": f"bytes=0-{wanted - 1}"}) as answer:
            refuse_other_size(answer, 0, size, what)
            text = b""
            for piece in _pieces(answer, what):
                text += piece
                if len(text) >= wanted:
                    break
        if len(text) < wanted:
            raise BrokenOff(
                f"The Hub ended {what} after {len(text):,} of {wanted:,} bytes. Try again."
            )
        return text[:wanted]

    @contextmanager
    def rest(self, url: str, start: int, size: int, what: str) -> Iterator[tuple[int, Iterator]]:
        """A file from a byte on: where the answer begins (0 if only all is given), and its pieces.

        Raises:
            BadRemote: as ``first``; the pieces raise it where the connection ends.
        """
        wanted = {"Range": f"bytes={start}-"} if start else {}
        with self.answer(url, what, wanted) as answer:
            begins = start if answer.status_code == 206 else 0
            refuse_other_size(answer, begins, size, what)
            yield begins, _pieces(answer, what)

    @contextmanager
    def answer(
        self, url: str, what: str, headers: dict[str, str] | None = None
    ) -> Iterator["Response"]:
        """The answer of whoever is responsible in the end, its content not yet read.

        Raises:
            BadRemote: no answer, a redirect that is not followed, or a refusal.
            NotAllowed: the program was started offline.
        """
        from huggingface_hub.utils import get_session

        for _ in range(_MOST_REDIRECTS + 1):
            asked = {"Accept-Encoding": "identity", **(headers or {}), **self._own(url)}
            with (
                in_words(what),
                get_session().stream(
                    "GET", url, headers=asked, follow_redirects=False, timeout=_PATIENCE
                ) as answer,
            ):
                if answer.status_code not in _REDIRECTS:
                    _refuse(answer, what)
                    yield answer
                    return
                url = self._next(url, answer.headers.get("Location", ""), what)
        raise BadRemote(f"The Hub sends on from {what} more than {_MOST_REDIRECTS} times.")

    def _own(self, url: str) -> dict[str, str]:
        """Who asks; the token only for the endpoint itself."""
        agent = {"User-Agent": f"mdm-oc-merge-studio/{__version__}"}
        if self.token is None or _origin(url) != _origin(self.url):
            return agent
        return agent | {"Authorization": f"Bearer {self.token}"}

    def _next(self, url: str, location: str, what: str) -> str:
        target = urljoin(url, location)
        here = _origin(self.url)
        if location and _origin(target) != here:
            secure = urlsplit(target).scheme == "https" or here[0] == "http"
            if not secure or (_is_inner(target) and not _is_inner(self.url)):
                raise BadRemote(
                    f"The Hub sends on from {what} to {target[:200]}, which is not followed: "
                    "it is not encrypted, or an address of this computer or its own net."
                )
        if not location or urlsplit(target).scheme not in ("http", "https"):
            raise BadRemote(f"The Hub sends on from {what} to no address.")
        return target


def own_endpoint() -> Endpoint:
    """The person's own: their login as huggingface_hub finds it, and ``HF_ENDPOINT``."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_token

    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return Endpoint(constants.ENDPOINT.rstrip("/"), token)


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn what goes wrong on the way into a sentence.

    Raises:
        BrokenOff: the network.
        NotAllowed: the program was started offline.
    """
    from httpx2 import HTTPError, InvalidURL
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled:
        raise offline() from None
    except (HTTPError, InvalidURL) as problem:
        raise BrokenOff(
            f"The Hub could not be reached for {what} ({type(problem).__name__}). Look after the "
            "network and its proxy, then try again."
        ) from None


def offline() -> NotAllowed:
    """What is said where the network is forbidden."""
    return NotAllowed(
        "The studio is offline: nothing is fetched from the Hub or pushed to it.", Remedy.GO_ONLINE
    )


def forbidden_by(environment: Mapping[str, str]) -> bool:
    """Whether a person's variables say that the Hub must not be asked."""
    yes = ("1", "ON", "YES", "TRUE")
    return any(environment.get(name, "").strip().upper() in yes for name in OFFLINE)


def refuse_other_size(answer: "Response", start: int, size: int, what: str) -> None:
    """Refuse an answer whose own account of its size is not that of the list.

    Raises:
        BadRemote: with both sizes.
    """
    if answer.status_code == 206:
        found = _SPAN.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start:
            raise BadRemote(f"The Hub answers on {what} with another part than was asked for.")
        told = int(found[3])
    else:
        length = answer.headers.get("Content-Length", "")
        told = int(length) if re.fullmatch(r"\d{1,15}", length, re.ASCII) else size
    if told != size:
        raise BadRemote(
            f"The Hub's list says that {what} has {size:,} bytes, and its answer {told:,}. "
            "Nothing of it was kept."
        )


def _pieces(answer: "Response", what: str) -> Iterator[bytes]:
    """What comes, as it is on the way."""
    coding = answer.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        raise BadRemote(f"The Hub answers on {what} in the coding {coding[:40]!r}, unasked.")
    with in_words(what):
        yield from answer.iter_raw()


def _bounded(answer: "Response", most: int, what: str) -> Iterator[bytes]:
    come = 0
    for piece in _pieces(answer, what):
        come += len(piece)
        if come > most:
            raise BadRemote(f"The Hub's answer on {what} is longer than {most:,} bytes.")
        yield piece


def _refuse(answer: "Response", what: str) -> None:
    status, code = answer.status_code, answer.headers.get("X-Error-Code", "")
    if status < 400:
        return
    if code == "GatedRepo":
        raise BadRemote(
            f"{what} is gated: its owner lets in whom they choose. Accept its terms on the Hub's "
            "page, log in with `hf auth login`, then try again."
        )
    if code == "RevisionNotFound":
        raise BadRemote(f"{what}: the Hub knows no such revision.")
    if status in (401, 403, 404):
        raise MissingRemote(
            f"The Hub has no {what}, or it is private and you are not logged in as somebody who "
            "may see it (`hf auth login`)."
        )
    if status == 429:
        raise BadRemote(f"The Hub says that it was asked too often ({what}). Wait some minutes.")
    raise BrokenOff(f"The Hub answers on {what} with the status {status}. Try again later.")


class MissingRemote(BadRemote):
    """The Hub shows no such thing."""


class BrokenOff(BadRemote):
    """No connection, or one that ended too early; it may come back."""


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port or usual


def _is_inner(url: str) -> bool:
    """Whether an address is written as one of this computer or its own net."""
    host = _origin(url)[1]
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
