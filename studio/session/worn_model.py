"""What the live model wears: a merge in full, or the one before with a single slider moved."""

from studio.device import resident_limit
from studio.measure.bench import Bench
from studio.merge import Merge
from studio.recipe import Recipe
from studio.tasks.moving_slider import moved_task, slide_bytes

_WORTH_SLIDING = 2**28  # bytes of a slide; smaller merges are worn in a blink


class WornModel:
    """The live model of a bench, for its one thread.

    Args:
        bench: the open zoo.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._key = ""

    def wear(self, key: str, merge: Merge | None) -> None:
        """Wear a merge, unless it is worn already; None is the base.

        Args:
            key: that no other merge has.
            merge: to wear.
        """
        if self._key != key:
            self._key = ""
            self._bench.live.wear(merge)
            self._key = key

    def slide(self, merge: Merge, before: Recipe | None) -> bool:
        """Wear a large merge that one slider has moved, up to rounding.

        Args:
            merge: to wear.
            before: what was scored last.

        Returns:
            Whether it was possible.
        """
        task = moved_task(before, merge.recipe) if before else None
        if task is None or merge.method.weighs or slide_bytes(merge) < _WORTH_SLIDING:
            return False
        self._key = ""
        return self._bench.live.slide(merge, task, resident_limit())
