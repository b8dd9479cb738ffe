"""Limits on what visitors may do again and again: guess passwords, and leave uploads."""

import ipaddress
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FREE, LONGEST = 3, 30.0  # guesses without a delay; seconds of the longest
MOST_BYTES, MOST_FILES = 2**25, 500  # of uploads that nobody has loaded yet
_MOST_ADDRESSES = 4096


class Guesses:
    """How long an address must wait until it may try a password again.

    Each try counts as wrong until it is known to be right, so that many at once gain nothing. An
    IPv6 network of 64 bits, which one visitor may have, is one address; so is a proxy.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until a try counts; 0 counts it at once: after 3, each doubles the delay."""
        key, now = _network(address), self._clock()
        tried, free_at = self._wrong.get(key, (0, 0.0))
        if free_at > now:
            return free_at - now
        delay = 0.0 if tried < FREE - 1 else min(2.0 ** min(tried - FREE + 1, 16), LONGEST)
        self._wrong[key] = tried + 1, now + delay
        self._wrong.move_to_end(key)
        while len(self._wrong) > _MOST_ADDRESSES:
            self._wrong.popitem(last=False)
        return 0.0

    def right(self, address: str) -> None:
        """The last try was right."""
        self._wrong.pop(_network(address), None)


def uploads_full(coming: int, most: int | None = None) -> bool:
    """Whether what lies in the page's temporary folder leaves no room for so many bytes more.

    Args:
        coming: bytes of the next upload, at most.
        most: bytes that may lie there; None for ``MOST_BYTES``.
    """
    size = count = 0
    for file in Path(os.environ.get("GRADIO_TEMP_DIR") or os.devnull).rglob("*"):
        with suppress(OSError):  # loaded, and gone
            if file.is_file():
                size, count = size + file.stat().st_size, count + 1
    return size + coming > (most or MOST_BYTES) or count >= MOST_FILES


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
