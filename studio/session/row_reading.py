"""Rows of tasks in the making are read one task after another, in a thread beside the page."""

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Container
from itertools import count

from studio.errors import Cancelled
from studio.progress import Progress
from studio.session.jobs import JobState

READ = "Read the rows"


class RowReading:
    """Looks at the tasks that were asked for; one that is asked for again is begun anew.

    Args:
        look: reads the rows of a task and keeps what came of it; told how to report, which raises
            once that is no longer wanted.
        owner: id of the browser that makes the zoo.
    """

    def __init__(self, look: Callable[[str, Progress], None], owner: str) -> None:
        self._look, self._owner = look, owner
        self._lock = threading.Lock()
        self._wanted: OrderedDict[str, int] = OrderedDict()
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._share, self._words, self._started = 0.0, "", 0.0

    @property
    def wanted(self) -> tuple[str, ...]:
        """Tasks that are being looked at, or wait for it."""
        with self._lock:
            return tuple(self._wanted)

    @property
    def state(self) -> JobState | None:
        """What is being read, as the page shows a job; None if nothing is."""
        with self._lock:
            if not self._wanted:
                return None
            seconds = time.monotonic() - self._started
            return JobState(
                READ, "running", self._share, self._words or "starting", seconds, owner=self._owner
            )

    def ask(self, name: str) -> None:
        """Have a task's rows read."""
        with self._lock:
            if not self._wanted:
                self._share, self._words, self._started = 0.0, "", time.monotonic()
            self._wanted[name] = next(self._numbers)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
                self._thread.start()

    def keep(self, names: Container[str]) -> None:
        """Give up all tasks but these."""
        with self._lock:
            for name in [each for each in self._wanted if each not in names]:
                del self._wanted[name]

    def cancel(self) -> tuple[str, ...]:
        """Give up all; returns the tasks whose rows were not read."""
        with self._lock:
            given_up = tuple(self._wanted)
            self._wanted.clear()
            return given_up

    def _run(self) -> None:
        while wish := self._next():
            name, number = wish
            try:
                self._look(name, self._report(name, number))
            except Cancelled:
                continue
            except Exception:
                traceback.print_exc()
            with self._lock:
                if self._wanted.get(name) == number:
                    del self._wanted[name]

    def _next(self) -> tuple[str, int] | None:
        with self._lock:
            if not self._wanted:
                self._thread = None
                return None
            return next(iter(self._wanted.items()))

    def _report(self, name: str, number: int) -> Progress:
        def report(share: float, words: str) -> None:
            with self._lock:
                if self._wanted.get(name) != number:
                    raise Cancelled("Its rows are no longer wanted so.")
                self._share, self._words = share, words

        return report
