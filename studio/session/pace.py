"""Seconds that a job will take here: from how long rows took, and from earlier jobs of its kind."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studio.disk import cache
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.recipe import Recipe
from studio.tasks.quick_pass import FULL_PRECISION

_OPENING = 1.5  # seconds to read a model and rows for a job of its own
_QUICK = 1.5  # passes over the rows where a quick one comes before the exact one
_KEPT = 0.5  # of what was learned before, beside one more job
_LIMITS = 0.2, 20.0  # of what is learned: a computer that slept teaches nothing


@dataclass(frozen=True)
class Takes:
    """What a job is expected to take, and whom to tell what it took.

    Attributes:
        seconds: None while nothing is known.
        learn: told how many a job took that was done.
    """

    seconds: float | None
    learn: Callable[[float], None]


class Pace:
    """How fast this computer is at the rows of the open zoo.

    Args:
        bench: the open zoo.
        shown: recipes whose rows were timed when they were scored.
        begun: evaluations that are under way.
    """

    def __init__(
        self,
        bench: Bench,
        shown: Callable[[], tuple[Recipe, ...]],
        begun: Callable[[], tuple[Evaluation, ...]] = tuple,
    ) -> None:
        self._bench, self._shown, self._begun = bench, shown, begun
        self._row: float | None = None

    @property
    def row(self) -> float | None:
        """Seconds of one row in float32; None until the first rows of some recipe were scored."""
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
        if self._row is None:  # few rows tell it less well, so it is asked again
            return next(filter(None, (each.latency for each in self._begun())), None)
        return self._row

    def seconds(self, kind: str, passes: float) -> float | None:
        """What a job takes; None while it is not known how fast rows are.

        Args:
            kind: of the job, which earlier ones have taught about.
            passes: rows that it runs through the model; one that also runs backward counts thrice.
        """
        alone = self._alone(kind, passes)
        return None if alone is None else _OPENING + alone * self._learned(kind)

    def learn(self, kind: str, passes: float, seconds: float) -> None:
        """A job of a kind has taken so long; jobs that recall what was measured teach nothing."""
        alone = self._alone(kind, passes)
        if not alone or alone <= 0:
            return
        found = max(seconds - _OPENING, 0.0) / alone
        if _LIMITS[0] <= found <= _LIMITS[1]:
            known = self._learned(kind)
            mixed = math.exp(_KEPT * math.log(known) + (1 - _KEPT) * math.log(found))
            cache.keep(_key(kind), json.dumps(mixed).encode())

    def takes(self, kind: str, passes: float) -> Takes:
        """What a job takes that runs so many rows through models, see ``seconds``."""
        return Takes(self.seconds(kind, passes), lambda took: self.learn(kind, passes, took))

    def scored(self, kind: str, models: float) -> Takes:
        """What a job takes that scores so many models on all held-out rows.

        Of a zoo that scores nothing, by earlier jobs on a base of about the same size.
        """
        tasks = self._bench.tasks
        rows = sum(len(tasks[name].rows("held_out")) for name in self._bench.scored())
        return self.takes(kind, models * rows) if rows else self.written(kind)

    def written(self, kind: str) -> Takes:
        """What a job takes that goes over all weights, by earlier ones on such a base."""
        files = (file for file, _ in self._bench.base.weights.states())
        return earlier(kind, sum(Path(file).stat().st_size for file in files))

    def _alone(self, kind: str, passes: float) -> float | None:
        """Seconds of the rows themselves; None while it is not known how fast they are."""
        if (row := self.row) is None:
            return None
        live = vars(self._bench).get("live")
        quick = live is not None and live.pace.quick is not FULL_PRECISION
        return passes * row * (_QUICK if quick and kind == "scores" else 1.0)

    def _learned(self, kind: str) -> float:
        """How much longer jobs of the kind have taken than their rows alone; 1 at first."""
        known = cache.recall(_key(kind))
        with suppress(ValueError, TypeError):
            found = float(json.loads(known)) if known else 1.0
            if _LIMITS[0] <= found <= _LIMITS[1]:
                return found
        return 1.0


def earlier(kind: str, amount: float) -> Takes:
    """What a job takes by earlier ones of its kind whose work was about as much.

    Args:
        kind: of the job.
        amount: of its work, in bytes or any other unit; jobs within a factor of four are alike.
    """
    key = cache.cache_key("pace of", kind, round(math.log2(max(amount, 1.0)) / 2))
    known = cache.recall(key)
    rate: float | None = None  # seconds of one unit
    with suppress(ValueError, TypeError):
        found = float(json.loads(known)) if known else math.nan
        rate = found if 0 < found < math.inf else None

    def learn(seconds: float) -> None:
        if amount > 0 and seconds > 0:
            found = seconds / amount
            kept = found if rate is None else rate**_KEPT * found ** (1 - _KEPT)
            cache.keep(key, json.dumps(kept).encode())

    return Takes(None if rate is None else rate * amount, learn)


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
