"""Mixes with refitted heads on a zoo's held-out rows, beside the mixes as they were.

    python -m tests.benchmarks.heads [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; the change
is to the same mix with its experts' own heads, and without calibration, paired. Where a mix is
calibrated and its heads are refitted, the change that is due to the heads stands beside. Rows are
of the part of the validation rows that statistics are taken on, and no label is read.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.recipe import Calibrate, Heads, Recipe
from tests.benchmarks.calibration import mixes
from tests.benchmarks.tables import paired, print_table

WAYS: tuple[tuple[str, Calibrate | None, Heads | None], ...] = (
    ("as it is", None, None),
    ("heads", None, Heads()),
    ("calibrated", Calibrate(), None),
    ("calibrated, heads", Calibrate(), Heads()),
)


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """Four lines of Markdown per mix."""
    for mix, recipe in mixes(bench).items():
        if only not in mix:
            continue
        found: dict[str, Evaluation] = {}
        for words, calibrate, heads in WAYS:
            fitted = replace(recipe, calibrate=calibrate, heads=heads)
            found[words], seconds = _scored(bench, fitted)
            told = paired(found[words], found["as it is"]) if len(found) > 1 else ""
            more = paired(found[words], found["calibrated"]) if calibrate and heads else ""
            mean = f"{mean_score(found[words].scores()):.4f}"
            yield f"| {mix}, {words} | {mean} | {told} | {more} | {seconds:.0f} |"


def _scored(bench: Bench, recipe: Recipe) -> tuple[Evaluation, float]:
    """All held-out rows by a merge, and the seconds that its fits took."""
    merge, started = bench.merge(recipe), time.perf_counter()
    bench.fits.prepare(merge)
    seconds = time.perf_counter() - started
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out", merge=merge)
    for _ in evaluation.run(bench.live):
        pass
    return evaluation, seconds


if __name__ == "__main__":
    about = "| mix | held out | change, points | of which the heads | seconds |"
    print_table(__doc__ or "", about, lines)
