"""Downloads: the folders that one browser has exported, to be taken away as an archive."""

import secrets
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from studio.disk.archive import Listing, listing

_MOST = 16


class Downloads:
    """What one browser has exported; it outlives the zoo, and the oldest is forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offered: OrderedDict[str, Listing] = OrderedDict()

    def offer(self, folder: Path) -> None:
        """Let this browser take a folder away, as it is now."""
        with suppress(OSError):  # gone already
            found = listing(folder)
            with self._lock:
                self._offered[secrets.token_hex(16)] = found
                while len(self._offered) > _MOST:
                    self._offered.popitem(last=False)

    def name_of(self, folder: str) -> str | None:
        """The random name under which a folder is offered, the latest; None if it is not."""
        with self._lock:
            offered = reversed(self._offered.items())
            return next((name for name, each in offered if str(each.folder) == folder), None)

    def find(self, name: str) -> Listing | None:
        """What is offered under a name."""
        with self._lock:
            return self._offered.get(name)
