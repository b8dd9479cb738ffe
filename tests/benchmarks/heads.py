"""Mixes with refitted heads on a zoo's held-out rows, beside the mixes as they were.

    python -m tests.benchmarks.heads [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; the change
is to the same mix with its experts' own heads, and without calibration, paired. Where a mix is
calibrated, the change that is due to the heads stands beside. Rows are of the part of the
validation rows that statistics are taken on, and no label is read. Both heads of a mix answer from
one pass.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.recipe import Calibrate, Heads, Recipe
from tests.benchmarks.calibration import mixes
from tests.benchmarks.tables import paired, print_table


class OnePass:
    """A live model for two evaluations that step by turns: the second gets the first one's pass."""

    def __init__(self, live: Any) -> None:
        self._live, self._last = live, []
        self.batch = live.batch

    def states(self, inputs: dict, dtype: torch.dtype) -> object:
        """What the model gives, once for both."""
        if self._last:
            return self._last.pop()
        self._last.append(self._live.states(inputs, dtype))
        return self._last[0]


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """Four lines of Markdown per mix."""
    for mix, recipe in mixes(bench).items():
        if only not in mix:
            continue
        first: Evaluation | None = None
        for words, calibrate in (("as it is", None), ("calibrated", Calibrate())):
            own, refitted, seconds = _both(bench, replace(recipe, calibrate=calibrate))
            yield f"| {mix}, {words} | {_mean(own)} | {paired(own, first)} | | |"
            first = first or own
            told, more = paired(refitted, first), paired(refitted, own)
            yield f"| {mix}, {words}, heads | {_mean(refitted)} | {told} | {more} | {seconds:.0f} |"


def _both(bench: Bench, recipe: Recipe) -> tuple[Evaluation, Evaluation, float]:
    """All held-out rows by a merge with its tasks' own heads and refitted; seconds of the refit."""
    plain, merge = bench.merge(recipe), bench.merge(replace(recipe, heads=Heads()))
    plain.prepare()
    started = time.perf_counter()
    bench.fits.prepare(merge)
    seconds = time.perf_counter() - started
    bench.live.wear(plain)
    heads, model = bench.heads(bench.scored()), OnePass(bench.live)
    both = [bench.evaluation(heads, "held_out", merge=each) for each in (plain, merge)]
    while not both[0].done:
        for each in both:
            each.step(model)  # type: ignore[arg-type]
    return both[0], both[1], seconds


def _mean(found: Evaluation) -> str:
    return f"{mean_score(found.scores()):.4f}"


if __name__ == "__main__":
    about = "| mix | held out | change, points | of which the heads | seconds |"
    print_table(__doc__ or "", about, lines)
