"""Outcomes: which rows a model gets right and what it cost, measured once and recalled later."""

import ctypes
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from studio.device import used_memory
from studio.disk.cache import cache_key, keep, recall
from studio.measure.bench import Bench
from studio.measure.change import Change, paired_change
from studio.measure.evaluate import fair_order
from studio.measure.references import surroundings, task_digest
from studio.measure.scores import Score, score
from studio.merge import Merge
from studio.methods import method
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.heads import Head

_FORMAT = 1
_OFTEN = 0.004  # seconds between looks at the memory in use


@dataclass(frozen=True)
class Outcome:
    """One model on the rows of one split.

    Attributes:
        correct: per task ``(n,)`` of 1 right and 0 wrong, in the order of the evaluation.
        groups: per task ``(n,)`` labels of rows that belong together; None if independent.
        seconds: to compute the merged weights and put them on, with the deltas' inner products and
            what the method measures on validation rows at hand; 0 for a reference.
        latency: seconds per row of the evaluation.
        peak: bytes of resident memory of the process above those before the merge, sampled while
            it was computed and put on; 0 for a reference.
    """

    correct: Mapping[str, np.ndarray]
    groups: Mapping[str, np.ndarray | None]
    seconds: float = 0.0
    latency: float = 0.0
    peak: int = 0

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Accuracy with its interval, of every task."""
        return {name: score(right, self.groups[name]) for name, right in self.correct.items()}

    def only(self, names: Mapping[str, object] | tuple[str, ...]) -> "Outcome":
        """The same for some of its tasks."""
        return replace(self, correct={n: x for n, x in self.correct.items() if n in names})


def paired(new: Outcome, old: Outcome) -> dict[str, Change]:
    """Change of every task of both, from one model to another; they saw the same rows."""
    return {
        name: paired_change((right - old.correct[name]).astype(float), new.groups[name])
        for name, right in new.correct.items()
        if name in old.correct
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
            timed: whether the merge starts from the deltas and their inner products alone, so
                that its seconds and memory can be compared; else it may recall its vectors.

        Raises:
            StudioError: the recipe cannot be merged.
        """
        bench = self.bench
        heads = bench.heads(bench.scored())
        if split == "held_out":
            heads |= bench.general_heads(split)

        def merge() -> Merge:
            made = bench.merge(recipe)
            wanted = bench.unmeasured(recipe)
            for place, each in enumerate(wanted):
                report = part(self.progress, place / len(wanted), (place + 1) / len(wanted))
                bench.statistics.measure(each, report)
            return replace(made, recall=None) if timed else made

        content = _content(bench, recipe)
        return self._known(recipe.method, content, heads, split, most, merge)

    def expert(self, task: str) -> Outcome:
        """A task's own checkpoint on its held-out rows."""
        heads = self.bench.heads([task])
        return self._known(
            "experts", task, heads, "held_out", None, lambda: self.bench.expert(task)
        )

    def base(self) -> Outcome:
        """The base with the experts' heads, and on the general rows with theirs."""
        bench = self.bench
        heads = bench.heads(bench.scored()) | bench.general_heads()
        return self._known("base", "", heads, "held_out", None, lambda: None)

    def head_only(self) -> Outcome | None:
        """The base with heads fitted on it; None if some scored task has no such head."""
        heads = self.bench.fitted_heads()
        if set(heads) != set(self.bench.scored()):
            return None
        return self._known("head_only", "", heads, "held_out", None, lambda: None)

    def _known(
        self,
        file: str,
        about: object,
        heads: Mapping[str, Head | None],
        split: str,
        most: int | None,
        merge: Callable[[], Merge | None],
    ) -> Outcome:
        """Recall an outcome or measure and keep it; all those of a method share a file."""
        key = cache_key("comparison", _FORMAT, file, _surroundings(self.bench))
        entry = cache_key(about, split, most, list(heads))
        kept = json.loads(recall(key) or b"{}")
        if entry not in kept:
            kept[entry] = self._measured(merge, heads, split, most)
            keep(key, json.dumps(kept).encode())
        found = kept[entry]
        correct = {
            name: np.array([int(letter) for letter in letters])
            for name, letters in found["correct"].items()
        }
        groups = {name: _groups(self.bench, name, split, most) for name in correct}
        return Outcome(correct, groups, found["seconds"], found["latency"], found["peak"])

    def _measured(
        self,
        merge: Callable[[], Merge | None],
        heads: Mapping[str, Head | None],
        split: str,
        most: int | None,
    ) -> dict:
        bench = self.bench
        self.progress(0.0, "reading the model and the rows")
        evaluation = bench.evaluation(heads, split, rows=most)
        _ = bench.gram  # reads the deltas, too, so that no method pays for the first look at them
        self.progress(0.0, "merging")
        worn = merge()
        with _watched() as peak:
            started = time.perf_counter()
            bench.live.wear(worn)
            seconds = time.perf_counter() - started
        started = time.perf_counter()
        for share in evaluation.run(bench.live):
            self.progress(share, "evaluating")
        correct = {name: evaluation.correct(name) for name in evaluation.parts}
        rows = sum(len(each) for each in correct.values())
        return {
            "correct": {n: "".join(map(str, c.tolist())) for n, c in correct.items()},
            "seconds": seconds if worn else 0.0,
            "latency": (time.perf_counter() - started) / max(rows, 1),
            "peak": peak[0] if worn else 0,
        }


def _groups(bench: Bench, name: str, split: str, most: int | None) -> np.ndarray | None:
    """Labels of rows that belong together, in the order in which an evaluation holds the rows."""
    rows = (bench.tasks | bench.general)[name].rows(split)
    if rows[0].group is None:
        return None
    groups = np.array([row.group for row in rows])
    return groups if most is None or most >= len(rows) else groups[fair_order(len(rows))[:most]]


def _content(bench: Bench, recipe: Recipe) -> dict:
    """A recipe by the digests of what it merges, and of the rows that its method measures on."""
    pairs = zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True)
    digests = {name: checkpoint.known_digest for name, checkpoint in pairs}
    plain: dict = recipe.plain() | {"base": bench.base.known_digest}
    plain["tasks"] = [each | {"checkpoint": digests[each["name"]]} for each in plain["tasks"]]
    needs = method(recipe.method, recipe.options).needs
    if needs:
        plain["needs"] = [needs, _digests(bench, recipe.names, ("validation",))]
    return plain


def _surroundings(bench: Bench) -> list:
    """Digests of everything but the recipe that an outcome depends on."""
    names = [*bench.tasks, *bench.general]
    rows = _digests(bench, names, ("held_out", "validation"))
    fitted = [task_digest(bench, name, task.head_only) for name, task in bench.tasks.items()]
    checkpoints = [each.known_digest for each in bench.deltas.checkpoints]
    return [surroundings(bench), bench.base.known_digest, checkpoints, rows, fitted]


def _digests(bench: Bench, names: Sequence[str], splits: tuple[str, ...]) -> list:
    """Of the rows, settings and heads of some tasks, as far as they have such a split."""
    every = bench.tasks | bench.general
    return [
        [name, split, task_digest(bench, name, every[name].head, split)]
        for name in names
        for split in splits
        if split in every[name].spec.data
    ]


@contextmanager
def _watched() -> Iterator[list[int]]:
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
