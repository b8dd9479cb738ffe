"""Outcomes: what a model's answers are worth and what it cost, measured once and recalled."""

import ctypes
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from studio.device import used_memory
from studio.measure.bench import Bench
from studio.measure.change import Change, change_of
from studio.measure.evaluate import groups_of
from studio.measure.intervals import Score
from studio.measure.marks import Marks
from studio.measure.score_cache import KnownRows, MergeCost
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.heads import Head
from studio.tasks.row_parts import fair_order

_EXPERTS = 0.5  # share of the progress that measuring experts takes, if they must be
_FITTED = 0.3  # likewise, of a calibration and a refit of heads
_OFTEN = 0.004  # seconds between looks at the memory in use


@dataclass(frozen=True)
class Outcome:
    """One model on the rows of one split.

    Attributes:
        marks: per task, of every question, in the order of the evaluation.
        groups: per task ``(n,)`` labels of rows that belong together; None if independent.
        seconds: to compute the merged weights and put them on, with the deltas' inner products and
            what the method measures on validation rows at hand; 0 if it was not worn.
        latency: seconds per row of the evaluation.
        peak: bytes of resident memory of the process above those before the merge, sampled while
            it was computed and put on; 0 if it was not timed.
    """

    marks: Mapping[str, Marks]
    groups: Mapping[str, np.ndarray | None]
    seconds: float = 0.0
    latency: float = 0.0
    peak: int = 0

    @cached_property
    def scores(self) -> dict[str, Score]:
        """The score with its interval, of every task."""
        return {name: marks.score(self.groups[name]) for name, marks in self.marks.items()}

    def only(self, names: Mapping[str, object] | tuple[str, ...]) -> "Outcome":
        """The same for some of its tasks."""
        return replace(self, marks={n: x for n, x in self.marks.items() if n in names})


def paired(new: Outcome, old: Outcome) -> dict[str, Change]:
    """Change of every task of both, from one model to another; they saw the same rows."""
    return {
        name: change_of(marks, old.marks[name], new.groups[name])
        for name, marks in new.marks.items()
        if name in old.marks
    }


@dataclass(frozen=True)
class Measuring:
    """Measures outcomes on a zoo; what was measured before is recalled without loading a model.

    Attributes:
        bench: the zoo, opened; its live model is worn only for what is not known.
        progress: told the share of each measurement; may raise to stop.
    """

    bench: Bench
    progress: Progress = silent

    def merged(
        self, recipe: Recipe, split: str, most: int | None = None, timed: bool = False
    ) -> Outcome:
        """A recipe's outcome on a split; on held-out rows with the general ones.

        Args:
            recipe: to merge and score.
            split: whose rows.
            most: rows per task, the first of their fixed shuffle; None for all.
            timed: see ``of``.

        Raises:
            StudioError: the recipe cannot be merged.
        """
        heads = self.bench.heads(self.bench.scored())
        if split == "held_out":
            heads |= self.bench.general_heads(split)
        return self.of(self.bench.merge(recipe), heads, split, most, timed)

    def scores(self, merge: Merge | None, split: str = "held_out") -> dict[str, Score]:
        """All tasks' scores on every row of a split, by a merge or (None) by the base."""
        self.bench.refuse_unscored(split)
        return self.of(merge, self.bench.heads(self.bench.scored(split)), split).scores

    def of(
        self, merge: Merge | None, heads: Mapping[str, Head | None], split: str,
        most: int | None = None, timed: bool = False,
    ) -> Outcome:  # fmt: skip
        """A model's outcome on the rows that some heads are of.

        Args:
            merge: the model; None for the base.
            heads: by task, or by general rows.
            split: whose rows.
            most: rows per task, the first of their fixed shuffle; None for all.
            timed: whether seconds and memory of the merge are wanted, too, from the deltas and
                their inner products alone; else it may recall its vectors.

        Raises:
            StudioError: it cannot be merged, or there is no such row.
        """
        cache = self.bench.score_cache
        known = cache.recall(merge, heads, split, most)
        left = {name: head for name, head in heads.items() if name not in known}
        cost = cache.recall_cost(merge) if timed and merge else None
        untimed = timed and merge is not None and cost is None
        if left or untimed:
            found, worn = self._measured(merge, left, split, most, untimed)
            known, cost = known | found, cost or worn
        made = self.outcome({name: known[name] for name in heads}, split, most)
        return replace(made, seconds=cost.seconds, peak=cost.peak) if cost else made

    def known(
        self, merge: Merge | None, heads: Mapping[str, Head | None], split: str,
        most: int | None = None,
    ) -> dict[str, KnownRows]:  # fmt: skip
        """What a model answers to the rows that some heads are of, see ``of``."""
        known = self.bench.score_cache.recall(merge, heads, split, most)
        left = {name: head for name, head in heads.items() if name not in known}
        found = self._measured(merge, left, split, most, False)[0] if left else {}
        return {name: (known | found)[name] for name in heads}

    def recalled(
        self, merge: Merge | None, heads: Mapping[str, Head | None], split: str
    ) -> Outcome | None:
        """The outcome on every row, if all of it was measured before; loads no model."""
        known = self.bench.score_cache.recall(merge, heads, split)
        return self.outcome(known, split, None) if set(known) == set(heads) else None

    def outcome(self, known: Mapping[str, KnownRows], split: str, most: int | None) -> Outcome:
        """What ``known`` has found, as an outcome."""
        counts = {name: len(rows.marks) for name, rows in known.items()}
        seconds = sum(rows.latency * counts[name] for name, rows in known.items())
        return Outcome(
            {name: rows.marks for name, rows in known.items()},
            {name: _groups(self.bench, name, split, most) for name in known},
            latency=seconds / max(sum(counts.values()), 1),
        )

    def _measured(
        self, merge: Merge | None, heads: Mapping[str, Head | None], split: str,
        most: int | None, timed: bool,
    ) -> tuple[dict[str, KnownRows], MergeCost]:  # fmt: skip
        """Wear a model and run the rows of some heads, if there are any."""
        bench = self.bench
        self.progress(0.0, "reading the model and the rows")
        evaluation = bench.evaluation(heads, split, rows=most, merge=merge) if heads else None
        self.progress(0.0, "merging")
        wanted = bench.unmeasured(merge.recipe) if merge else []
        begun = _EXPERTS if wanted else 0.0
        for place, each in enumerate(wanted):
            first, last = (begun * at / len(wanted) for at in (place, place + 1))
            bench.statistics.measure(each, part(self.progress, first, last))
        bench.fits.prepare(merge, part(self.progress, begun, begun + _FITTED))
        begun += _FITTED if merge and merge.recipe.fits_experts else 0.0
        cost = self._put_on(merge, timed)
        if evaluation is None:
            return {}, cost
        report = part(self.progress, begun, 1.0)
        for share in evaluation.run(bench.live):
            report(share, "evaluating")
        return bench.score_cache.keep(evaluation, merge, split), cost

    def _put_on(self, merge: Merge | None, timed: bool) -> MergeCost:
        """Wear a model; if timed, starting from the deltas and their inner products."""
        live = self.bench.live
        started = time.perf_counter()
        if merge is None or not timed:
            live.wear(merge)
            return MergeCost(time.perf_counter() - started if merge else 0.0)
        _ = self.bench.gram  # reads the deltas, too, so that no method pays for the first look
        with watched() as peak:
            started = time.perf_counter()
            live.wear(replace(merge, recall=None))
            cost = MergeCost(time.perf_counter() - started)
        cost = replace(cost, peak=peak[0])
        self.bench.score_cache.keep_cost(merge, cost)
        return cost


def _groups(bench: Bench, name: str, split: str, most: int | None) -> np.ndarray | None:
    """Labels of what belongs together, in the order in which an evaluation holds the rows."""
    rows = (bench.tasks | bench.general)[name].rows(split)
    if most is not None and most < len(rows):
        rows = [rows[index] for index in fair_order(len(rows))[:most]]
    return groups_of(rows)


@contextmanager
def watched() -> Iterator[list[int]]:
    """Bytes of resident memory above the start, at most, sampled while the block runs."""
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back, so that its use is seen again
    start, most, ended = used_memory(), [0], threading.Event()

    def look() -> None:
        while not ended.wait(_OFTEN):
            most[0] = max(most[0], used_memory() - start)

    thread = threading.Thread(target=look, name="memory", daemon=True)
    thread.start()
    try:
        yield most
    finally:
        most[0] = max(most[0], used_memory() - start)
        ended.set()
        thread.join()
