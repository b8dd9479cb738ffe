"""Measuring experts for methods that need data: one expert at a time, and what is said of it."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from studio.measure.bench import Bench
from studio.measure.expert_statistics import Wanted
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.pace import Takes, about, earlier

_OFTEN = 0.3  # seconds between words for the page


class _Left(Exception):
    """Nobody shows or needs the recipe any more."""


class ExpertMeasuring:
    """The worker's steps that measure experts.

    Args:
        bench: the zoo.
        wanted: whether a recipe is still shown or needed.
        told: called when there are new words.
    """

    def __init__(
        self, bench: Bench, wanted: Callable[[Recipe], bool], told: Callable[[], None]
    ) -> None:
        self._bench = bench
        self._wanted = wanted
        self._told = told
        self._last = 0.0
        self._words = ""
        self._takes: Takes | None = None
        self._began = 0.0

    def words(self, recipe: Recipe) -> str:
        """What a recipe waits for; empty if it waits for no measurement."""
        missing = self._bench.unmeasured(recipe)
        if not missing:
            return self._fitting(recipe)
        words = _told(missing, len(recipe.tasks)) + (f"; {self._words}" if self._words else "")
        return words + self._left(len(missing))

    def measure(self, recipe: Recipe) -> None:
        """Measure the next expert that a recipe waits for, if there is one."""
        missing = self._bench.unmeasured(recipe)
        if missing:
            rows = missing[0].rows * (len(recipe.tasks) if missing[0].together else 1)
            kind = "statistics behind merged layers" if missing[0].together else "statistics"
            takes = earlier(kind, rows * self._size)
            work = partial(self._bench.statistics.measure, missing[0])
            self._reported(recipe, work, takes)
        elif (asked := recipe.calibrate or recipe.heads) and self._bench.fits.missing(recipe):
            rows = asked.rows * len(recipe.tasks)
            kind = "calibration" if recipe.calibrate else "heads"
            work = partial(self._bench.fits.prepare, self._bench.merge(recipe))
            self._reported(recipe, work, earlier(kind, rows * self._size))

    @property
    def _size(self) -> int:
        """Bytes of the base's files."""
        return sum(file.stat().st_size for file, _ in self._bench.base.weights.states())

    def _left(self, steps: int) -> str:
        """About how long so many steps still take, as earlier ones tell; empty while unknown."""
        if self._takes is None or self._takes.seconds is None:
            return ""
        left = steps * self._takes.seconds - (time.monotonic() - self._began)
        return f"; {about(left)} left" if left > 0 else ""

    def _fitting(self, recipe: Recipe) -> str:
        asked = recipe.calibrate or recipe.heads
        if asked is None or not self._bench.fits.missing(recipe):
            return ""
        rows = f"{asked.rows:,} validation rows of each task"
        how = f"on at most {rows}; a move begins it anew"
        begins = "calibrating every layer" if recipe.calibrate else "refitting heads"
        said = f"{self._words or begins}, {how}" if self._words else f"{begins} {how}"
        return said + self._left(1)

    def _reported(self, recipe: Recipe, work: Callable[[Progress], object], takes: Takes) -> None:
        def report(share: float, words: str) -> None:
            if not self._wanted(recipe):
                raise _Left
            if time.monotonic() - self._last > _OFTEN:
                self._last, self._words = time.monotonic(), words
                self._told()

        self._takes, self._began = takes, time.monotonic()
        try:
            work(report)
            if (took := time.monotonic() - self._began) > _OFTEN:  # else it was recalled
                takes.learn(took)
        except _Left:
            pass  # it begins anew when the recipe comes back
        finally:
            self._words, self._takes = "", None


def _told(missing: Sequence[Wanted], tasks: int) -> str:
    """What is measured, on how many rows."""
    first = missing[0]
    if first.together:
        return (
            f"sending at most {first.rows:,} validation rows of each of {tasks} tasks through the "
            "layers merged so far, two passes of each row, once for these tasks"
        )
    return (
        f"measuring every expert on at most {first.rows:,} of its own validation rows, once: "
        f"{tasks - len(missing)} of {tasks} done"
    )
