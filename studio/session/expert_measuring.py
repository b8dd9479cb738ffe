"""Measuring experts for methods that need data: one expert at a time, and what is said of it."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from studio.measure.bench import Bench
from studio.measure.expert_statistics import Wanted
from studio.progress import Progress
from studio.recipe import Recipe

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

    def words(self, recipe: Recipe) -> str:
        """What a recipe waits for; empty if it waits for no measurement."""
        missing = self._bench.unmeasured(recipe)
        if not missing:
            return self._calibrating(recipe)
        return _told(missing, len(recipe.tasks)) + (f"; {self._words}" if self._words else "")

    def measure(self, recipe: Recipe) -> None:
        """Measure the next expert that a recipe waits for, if there is one."""
        missing = self._bench.unmeasured(recipe)
        if missing:
            self._reported(recipe, partial(self._bench.statistics.measure, missing[0]))
        elif recipe.calibrate and self._bench.calibration.missing(recipe):
            self._reported(
                recipe, partial(self._bench.calibration.prepare, self._bench.merge(recipe))
            )

    def _calibrating(self, recipe: Recipe) -> str:
        if recipe.calibrate is None or not self._bench.calibration.missing(recipe):
            return ""
        rows = f"{recipe.calibrate.rows:,} validation rows of each task"
        how = f"on at most {rows}; a move begins it anew"
        return f"{self._words}, {how}" if self._words else f"calibrating every layer {how}"

    def _reported(self, recipe: Recipe, work: Callable[[Progress], object]) -> None:
        def report(share: float, words: str) -> None:
            if not self._wanted(recipe):
                raise _Left
            if time.monotonic() - self._last > _OFTEN:
                self._last, self._words = time.monotonic(), words
                self._told()

        try:
            work(report)
        except _Left:
            pass  # it begins anew when the recipe comes back
        finally:
            self._words = ""


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
