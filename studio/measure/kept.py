"""The last few things that were made for a key: whoever asks for another waits for its making."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """Makes what belongs to a key once, one at a time, and keeps the last few.

    Args:
        most: that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, Made] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __call__(self, key: str, make: Callable[[], Made]) -> Made:
        """What belongs to a key, made if it is not kept; what raises leaves nothing."""
        with self._lock:
            if key not in self._known:
                self._known[key] = make()
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key]
