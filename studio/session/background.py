"""What a page looks at only now and then: made in a thread of its own when somebody asks."""

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from studio.errors import Cancelled, StudioError
from studio.progress import Progress

Made = TypeVar("Made")
_KEPT = 24
_MOST_PAGES = 16


@dataclass(frozen=True)
class Answer(Generic[Made]):
    """What is known of a thing that was asked for.

    Attributes:
        made: the thing; None while it is being made, or if it cannot be made.
        refusal: why it cannot be made, or empty.
        share: 0 to 1, how much of it is done.
        words: what is being done.
    """

    made: Made | None = None
    refusal: str = ""
    share: float = 0.0
    words: str = ""

    @property
    def pending(self) -> bool:
        """Whether more is coming."""
        return self.made is None and not self.refusal


class OnDemand(Generic[Made]):
    """Makes the thing asked for last, one at a time, and keeps the latest few.

    What no page asks for any longer is given up at its next report of progress.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: OrderedDict[object, tuple[object, Callable[[Progress], Made]]] = OrderedDict()
        self._answers: OrderedDict[object, Answer[Made]] = OrderedDict()
        self._running: tuple[object, Answer[Made]] | None = None
        self._thread: threading.Thread | None = None

    def ask(self, page: object, key: object, make: Callable[[Progress], Made]) -> Answer[Made]:
        """What is known of a thing; it is made as soon as may be if it is not there.

        Args:
            page: who asks, in place of what it asked for before.
            key: of the thing.
            make: makes it, reporting progress.
        """
        with self._lock:
            if known := self._answers.get(key):
                self._answers.move_to_end(key)
                self._wishes.pop(page, None)
                return known
            self._wishes[page] = key, make
            self._wishes.move_to_end(page)
            while len(self._wishes) > _MOST_PAGES:
                self._wishes.popitem(last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="on demand", daemon=True)
                self._thread.start()
            running = self._running
            return running[1] if running and running[0] == key else Answer()

    def leave(self, page: object) -> None:
        """The page no longer looks."""
        with self._lock:
            self._wishes.pop(page, None)

    def stop(self) -> None:
        """Give up what is being made and wait until it has stopped."""
        with self._lock:
            self._wishes.clear()
            thread = self._thread
        if thread:
            thread.join()

    def _run(self) -> None:
        while wish := self._next():
            key, make = wish
            try:
                answer = Answer(make(self._report))
            except Cancelled:
                continue
            except StudioError as refusal:
                answer = Answer(refusal=str(refusal))
            except Exception as bug:
                traceback.print_exc()
                words = f"Internal error ({type(bug).__name__}); the terminal has details."
                answer = Answer(refusal=words)
            with self._lock:
                self._answers[key] = answer
                while len(self._answers) > _KEPT:
                    self._answers.popitem(last=False)

    def _next(self) -> tuple[object, Callable[[Progress], Made]] | None:
        with self._lock:
            self._running = None
            for key, make in reversed(self._wishes.values()):
                if key not in self._answers:
                    self._running = key, Answer()
                    return key, make
            self._thread = None
            return None

    def _report(self, share: float, words: str) -> None:
        with self._lock:
            assert self._running is not None
            key = self._running[0]
            if all(wished != key for wished, _ in self._wishes.values()):
                raise Cancelled("Nobody looks at it any longer.")
            self._running = key, Answer(share=share, words=words)
