"""What this browser has tried: methods, tuned scales, the best of searches and sweeps."""

import threading
from dataclasses import replace

from studio.compare.ranking import Tried, model_key
from studio.measure.marks import Marks
from studio.measure.outcomes import Outcome
from studio.recipe import Recipe
from studio.session.bounded_store import BoundedStore

MOST = 60  # models; the oldest go first


class TriedModels:
    """Models with their outcomes on all held-out rows, in the order in which they came.

    Attributes:
        version: changes whenever one lands.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: BoundedStore[str, Tried] = BoundedStore(MOST)
        self.version = 0

    def land(
        self, recipe: Recipe, what: str, about: str, outcome: Outcome,
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        """Add a model; the same one tried again takes the place of what was known of it.

        Args:
            recipe: of it.
            what: it is, for people.
            about: its method and numbers in a few words.
            outcome: on every held-out row of every task that can be scored.
            seconds: that it took until its numbers were there; None keeps what is known.
        """
        key = model_key(recipe)
        with self._lock:
            if seconds is None and key in self._held:
                seconds = self._held[key].seconds
            self._held[key] = Tried(key, what, about, recipe, _slim(outcome), seconds)
            self.version += 1

    @property
    def all(self) -> tuple[Tried, ...]:
        """Every model, the first that came first."""
        with self._lock:
            return tuple(self._held.values())


def _slim(outcome: Outcome) -> Outcome:
    """Without the shares that stand beside accuracies, which a ranking does not show."""
    marks = {
        name: Marks(each.values, each.metric, each.units, each.sizes)
        for name, each in outcome.marks.items()
    }
    return replace(outcome, marks=marks)
