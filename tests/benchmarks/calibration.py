"""Calibrated mixes on a zoo's held-out rows, beside the mixes as they were.

    python -m tests.benchmarks.calibration [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; the change
is to the same mix without calibration, paired. Rows are of the part of the validation rows that
statistics are taken on, and no label is read. Nothing is tuned.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.recipe import Calibrate, Recipe
from tests.benchmarks.tables import paired, print_table

SETTINGS: tuple[tuple[str, str, Calibrate], ...] = (
    ("task arithmetic 0.504", "sum", Calibrate()),
    ("task arithmetic 0.504, length 2.2", "sum", Calibrate(length=2.2)),
    ("task arithmetic 0.504, 8 rows", "sum", Calibrate(8)),
    ("task arithmetic 0.504, 32 rows", "sum", Calibrate(32)),
    ("task arithmetic 0.504, 128 rows", "sum", Calibrate(128)),
    ("activation basis", "activation", Calibrate()),
    ("activation basis, length 1", "activation", Calibrate(length=1.0)),
    ("activation basis, 8 rows", "activation", Calibrate(8)),
    ("activation basis, 32 rows", "activation", Calibrate(32)),
    ("activation basis, 128 rows", "activation", Calibrate(128)),
)


def mixes(bench: Bench) -> dict[str, Recipe]:
    """What is calibrated: a plain sum, and MDM-OC's components in the metric of activations."""
    activation = replace(bench.zoo.recipe("mdm_oc", 1.0), options={"basis": "activation"})
    return {"sum": bench.zoo.recipe("task_arithmetic", 0.504), "activation": activation}


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """One line of Markdown per setting, the mix alone before the first of it."""
    plain: dict[str, Evaluation] = {}
    for words, mix, options in SETTINGS:
        if only not in words:
            continue
        recipe = mixes(bench)[mix]
        if mix not in plain:
            plain[mix], _ = _scored(bench, recipe)
            yield f"| {words.split(',')[0]}, as it is | {_mean(plain[mix])} | | |"
        found, seconds = _scored(bench, replace(recipe, calibrate=options))
        told = paired(found, plain[mix])
        yield f"| {words}, calibrated | {_mean(found)} | {told} | {seconds:.0f} |"


def _scored(bench: Bench, recipe: Recipe) -> tuple[Evaluation, float]:
    """All held-out rows by a merge, and the seconds that it took to make it."""
    merge, started = bench.merge(recipe), time.perf_counter()
    merge.prepare()
    seconds = time.perf_counter() - started
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation, seconds


def _mean(found: Evaluation) -> str:
    return f"{mean_score(found.scores()):.4f}"


if __name__ == "__main__":
    print_table(__doc__ or "", "| mix | held out | change, points | seconds |", lines)
