"""Seconds that a job will take here: from how long rows took, and from earlier jobs of its kind."""

import json
import math
from collections.abc import Callable
from contextlib import suppress

from studio.disk import cache
from studio.measure.bench import Bench
from studio.recipe import Recipe
from studio.tasks.quick_pass import FULL_PRECISION

_OPENING = 1.5  # seconds to read a model and rows for a job of its own
_QUICK = 1.5  # passes over the rows where a quick one comes before the exact one
_KEPT = 0.5  # of what was learned before, beside one more job
_LIMITS = 0.2, 20.0  # of what is learned: a computer that slept teaches nothing


class Pace:
    """How fast this computer is at the rows of the open zoo.

    Args:
        bench: the open zoo.
        shown: recipes whose rows were timed when they were scored.
    """

    def __init__(self, bench: Bench, shown: Callable[[], tuple[Recipe, ...]]) -> None:
        self._bench, self._shown = bench, shown
        self._row: float | None = None

    @property
    def row(self) -> float | None:
        """Seconds of one row in float32; None until some recipe was scored."""
        if self._row is None:
            heads = self._bench.heads(self._bench.scored())
            for recipe in self._shown():
                if self._bench.unmeasured(recipe) or recipe.fits_experts:  # other work comes first
                    continue
                merge = self._bench.merge(recipe)
                known = self._bench.score_cache.recall(merge, heads, "held_out")
                times = [each.latency for each in known.values() if each.latency > 0]
                if times:
                    self._row = sum(times) / len(times)
                    break
        return self._row

    def seconds(self, kind: str, passes: float) -> float | None:
        """What a job takes; None while it is not known how fast rows are.

        Args:
            kind: of the job, which earlier ones have taught about.
            passes: rows that it runs through the model; one that also runs backward counts thrice.
        """
        if self.row is None:
            return None
        live = vars(self._bench).get("live")
        quick = live is not None and live.pace.quick is not FULL_PRECISION
        passed = passes * self.row * (_QUICK if quick and kind == "scores" else 1.0)
        return _OPENING + passed * self._learned(kind)

    def learn(self, kind: str, passes: float, seconds: float) -> None:
        """A job of a kind has taken so long; jobs that recall what was measured teach nothing."""
        if self.row is None or passes <= 0:
            return
        found = max(seconds - _OPENING, 0.0) / (passes * self.row)
        if _LIMITS[0] <= found <= _LIMITS[1]:
            known = self._learned(kind)
            mixed = math.exp(_KEPT * math.log(known) + (1 - _KEPT) * math.log(found))
            cache.keep(_key(kind), json.dumps(mixed).encode())

    def _learned(self, kind: str) -> float:
        """How much longer jobs of the kind have taken than their rows alone; 1 at first."""
        known = cache.recall(_key(kind))
        with suppress(ValueError, TypeError):
            found = float(json.loads(known)) if known else 1.0
            if _LIMITS[0] <= found <= _LIMITS[1]:
                return found
        return 1.0


def about(seconds: float | None) -> str:
    """A duration that is not known exactly, for people; empty if nothing is known of it."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"about {max(round(seconds), 1)} s"
    if seconds < 100:
        return f"about {5 * round(seconds / 5)} s"
    return f"about {round(seconds / 60)} min"


def _key(kind: str) -> str:
    return cache.cache_key("pace", kind)
