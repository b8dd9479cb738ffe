"""The names under which the page may be asked for: loopback, its own address, and those allowed."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from studio.errors import NotAllowed

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_PROXIES = ("127.0.0.1", "::1")
_EVERYWHERE = ("0.0.0.0", "::")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True)
class Place:
    """A host as a request names it.

    Attributes:
        name: in small letters; an address in its shortest form, without brackets.
        port: if one is named.
    """

    name: str
    port: int | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be this computer."""
        return self.name == "localhost" or is_loopback_address(self.name)


@dataclass(frozen=True)
class Hosts:
    """What the page answers to.

    Attributes:
        bound: address that the page is served on.
        allowed: other names that may be asked for, with a port or for every port.
        root: where a reverse proxy shows the page: a path, or a whole address; empty without one.
        proxies: addresses and networks whose word on a visitor's address counts.
        strangers: whether all may come, who can write nothing.
        frames: origins of sites that may show the page inside of theirs, with a space between.
    """

    bound: str = "127.0.0.1"
    allowed: tuple[Place, ...] = ()
    root: str = ""
    proxies: tuple[str, ...] = LOOPBACK_PROXIES
    strangers: bool = False
    frames: str = ""

    @property
    def path(self) -> str:
        """The path of the root, without a slash at its end."""
        return split(self.root).path.rstrip("/")

    @property
    def behind_proxy(self) -> bool:
        """Whether somebody said so; only then does a proxy's word on the request count."""
        return bool(self.allowed or self.root)

    @property
    def alone(self) -> bool:
        """Whether only this computer can ask, and not by way of a proxy."""
        return not self.opened and not self.behind_proxy and not self.strangers

    @property
    def opened(self) -> str:
        """What lets other computers in, as it was said; empty if nothing does."""
        bound = place(self.bound)
        if bound is None or not bound.is_loopback:
            return f"--host {self.bound}"
        for each in self.allowed:
            if not each.is_loopback:
                return f"--allow-host {in_address(each.name)}"
        root = place(split(self.root).netloc)
        return f"--root-path {self.root}" if root and not root.is_loopback else ""

    def answer(self, host: str, server: str) -> bool:
        """Whether the page answers a request.

        A name counts only if it was allowed, since any name can be made to lead here (DNS
        rebinding); an address that the request came to is one.

        Args:
            host: its Host header.
            server: the address of this computer at which it arrived.
        """
        asked = place(host)
        if asked is None:
            return False
        bound = place(self.bound)
        own = (*LOOPBACK, bound.name if bound else "")
        if asked.name in own or asked in self._named or Place(asked.name) in self._named:
            return True
        return own[-1] in _EVERYWHERE and asked.name == _plain(server)

    def is_own(self, origin: str) -> bool:
        """Whether an Origin header is that of the page behind its proxy."""
        parts = split(origin)
        return parts.scheme in ("http", "https") and place(parts.netloc) in self._named

    @property
    def _named(self) -> tuple[Place, ...]:
        root = place(split(self.root).netloc)
        return (*self.allowed, root) if root else self.allowed


def split(address: str) -> SplitResult:
    """The parts of an address; of one that makes no sense, none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def place(text: str) -> Place | None:
    """``name``, ``name:port``, an address, or ``[address]:port``; None if it is none of them."""
    text = text.strip().lower()
    port = None
    if found := re.fullmatch(r"\[([0-9a-f:.]{2,45})\](?::(\d{1,5}))?", text):
        name, port = found.groups()
        if ":" not in name:
            return None
    elif text.count(":") > 1:
        name = text
    elif found := re.fullmatch(r"([^:]+)(?::(\d{1,5}))?", text):
        name, port = found[1].removesuffix("."), found[2]
    else:
        return None
    if ":" in name:
        if (name := _plain(name)) == "":
            return None
    elif not _NAME.fullmatch(name):
        return None
    return Place(name, None if port is None else int(port))


def allowed_host(text: str) -> Place:
    """A name that somebody allows.

    Raises:
        NotAllowed: it is no name of a computer.
    """
    found = place(text)
    if found is None or found.name in _EVERYWHERE:
        raise NotAllowed(
            f"--allow-host {text!r} is no name of a computer; give one such as merge.example.org, "
            "merge.example.org:8080, 192.168.1.20 or [fd00::7]:8080. There is no pattern for all."
        )
    return found


def proxy_address(text: str) -> str:
    """The address or network of a proxy that somebody names.

    Raises:
        NotAllowed: it is none, or a network of all addresses.
    """
    try:
        found = ipaddress.ip_network(_bare(text.strip()))
    except ValueError:
        found = None
    if found is None or found.prefixlen == 0:
        raise NotAllowed(
            f"--proxy {text!r} is no address of a proxy; give one such as 10.0.0.7, fd00::7 or "
            "172.17.0.0/16."
        )
    return str(found.network_address) if found.num_addresses == 1 else str(found)


def root_path(text: str) -> str:
    """Where a proxy shows the page: ``/studio``, or ``https://merge.example.org/studio``.

    Raises:
        NotAllowed: it is neither.
    """
    parts = split(text.strip())
    whole = parts.scheme in ("http", "https") and place(parts.netloc) is not None
    path = "/" + parts.path.strip("/") if parts.path.strip("/") else ""
    extra = (
        (not parts.geturl() and text.strip())
        or parts.query
        or parts.fragment
        or (not whole and (parts.scheme or parts.netloc))
    )
    if extra or not _PATH.fullmatch(path):
        raise NotAllowed(
            f"--root-path {text!r} is no path; give the one that the proxy shows the page under, "
            "such as /studio, or its whole address, such as https://merge.example.org/studio."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{path}" if whole else path


def is_loopback_address(text: str) -> bool:
    """Whether it is an address of this computer alone."""
    try:
        return ipaddress.ip_address(_bare(text)).is_loopback
    except ValueError:
        return False


def in_address(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    bare = _bare(host)
    return f"[{bare}]" if ":" in bare else bare


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]").lower()


def _plain(address: str) -> str:
    """An IP address in its shortest form, IPv4 where it is one in IPv6; empty if it is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)
