"""A mapping that holds the latest results and drops the oldest that nobody needs."""

from collections.abc import Callable, Collection, Iterator, MutableMapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedStore(MutableMapping[Key, Value]):
    """Results by key, in the order in which their keys came.

    Args:
        most: results it is to hold; a key too many drops the oldest.
        needed: keys that are never dropped, so that more than ``most`` may be held.
    """

    def __init__(self, most: int, needed: Callable[[], Collection[Key]] = tuple) -> None:
        self._most = most
        self._needed = needed
        self._held: dict[Key, Value] = {}

    def __getitem__(self, key: Key) -> Value:
        """The result of a key that is held."""
        return self._held[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        """Hold a result; one of a known key takes its place in the order."""
        self._held[key] = value
        if len(self._held) > self._most:
            needed = self._needed()
            old = [each for each in self._held if each not in needed]
            for each in old[: len(self._held) - self._most]:
                del self._held[each]

    def __delitem__(self, key: Key) -> None:
        """Drop a result."""
        del self._held[key]

    def __iter__(self) -> Iterator[Key]:
        """The keys, the oldest first."""
        return iter(self._held)

    def __len__(self) -> int:
        """How many results are held."""
        return len(self._held)
