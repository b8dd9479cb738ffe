"""How long work reports back: a share between 0 and 1 and a few words; raising stops it."""

import threading
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")
Progress = Callable[[float, str], None]
_OFTEN = 0.1  # seconds between reports for work that makes none


def silent(share: float, words: str) -> None:
    """Report nothing."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Progress for a piece of the work that covers ``start`` to ``stop`` of the whole."""

    def report(share: float, words: str) -> None:
        progress(start + (stop - start) * share, words)

    return report


class Meter:
    """Adds up what several threads have done, and reports it: one at a time, never backwards.

    Once a report has raised, every later one raises the same, so that all threads stop.
    """

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = max(total, 1), progress
        self._done, self._lock = 0, threading.Lock()
        self._stop: BaseException | None = None

    def add(self, amount: int, words: str) -> None:
        """Report that so much more of the total is done."""
        with self._lock:
            if self._stop is not None:
                raise self._stop
            self._done += amount
            try:
                self._progress(self._done / self._total, words)
            except BaseException as stop:
                self._stop = stop
                raise


def attended(work: Callable[[], Made], progress: Progress, share: float, words: str) -> Made:
    """Do work that cannot report, and report in its place while it lasts.

    Args:
        work: done in a thread of its own, so that it can be left: if a report raises, it ends by
            itself and what it made is dropped.
        progress: told the share and the words again and again.
        share: of the whole that was done before it.
        words: what it is.
    """
    made: list[Made] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as problem:
            problems.append(problem)

    progress(share, words)
    thread = threading.Thread(target=run, name="attended", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_OFTEN)
        progress(share, words)
    if problems:
        raise problems[0]
    return made[0]
