"""Measure live numbers without a browser: ``python -m tests.benchmarks.live [MOVES] [--zoo PATH]``.

Prints what one batch costs by precision and threads; then, for moves of one slider on an engine at
rest, the seconds from the move to the first paired change of every task, to a mean change that is
known to two points (of a loss 0.02 nats), to every row seen, and to exact scores; and, where tasks
are scored by accuracy, how far the quick pass is from the exact one, row by row.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from studio.measure.bench import Bench
from studio.measure.change import mean_change
from studio.measure.evaluate import Evaluation
from studio.session.engine import Engine
from studio.session.session import Session
from tests.benchmarks.page import report
from tests.conftest import DEMO

_KNOWN = 0.02  # half of the 95 % interval of the mean change
_WAIT = 0.002


def main() -> None:
    """Print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("moves", type=int, nargs="?", default=12)
    parser.add_argument("--zoo", type=Path, default=DEMO)
    options = parser.parse_args()
    engine = Engine(options.zoo, (options.zoo,), torch.device("cpu"))
    started = time.perf_counter()
    engine.start()
    session = engine.session("")
    rested(session)
    print(f"at rest after {time.perf_counter() - started:.1f} s")
    for (dtype, threads), seconds in engine.worker.bench.live.pace.seconds.items():
        print(f"32 rows of 16 tokens, {dtype}, {threads} threads: {1000 * seconds:.0f} ms")
    marks = [timed(session, number) for number in range(options.moves)]
    rows = sum(session.snapshot().rows.values())
    for name, words in (
        ("first", "first paired change of every task"),
        ("known", "mean change known to 2 points or 0.02 nats"),
        ("seen", f"all {rows:,} rows seen"),
        ("done", "exact scores"),
    ):
        found = [each[name] for each in marks if name in each]
        if found:
            report(words, found)
    engine.close()
    bench = Bench(session.zoo, torch.device("cpu"))
    if all(bench.tasks[name].metric.percent for name in bench.scored()):
        compare(bench)


def timed(session: Session, number: int) -> dict[str, float]:
    """Move one slider and note when what is known."""
    strips = list(session.mix.strips)
    place = number % len(strips)
    strips[place] = replace(strips[place], coefficient=0.2 + 0.6 * ((number * 0.37) % 1))
    value = session.mixer_value() | {"rows": [vars(strip) for strip in strips]}
    session.edit("pin")
    rested(session)
    marks: dict[str, float] = {}
    started = time.perf_counter()
    session.move(value)
    while "done" not in marks:
        now = session.snapshot()
        passed = time.perf_counter() - started
        if now.changes and set(now.changes) == set(now.rows):
            marks.setdefault("first", passed)
            if mean_change(now.changes).half <= _KNOWN:
                marks.setdefault("known", passed)
        if now.seen:
            marks.setdefault("seen", passed)
        if now.share >= 1:
            marks["done"] = passed
        time.sleep(_WAIT)
    rested(session)
    return marks


def rested(session: Session) -> None:
    """Wait until nothing more is coming."""
    while session.snapshot().busy:
        time.sleep(0.05)


def compare(bench: Bench) -> None:
    """Rows that the quick pass reads otherwise than the exact one, and what that does to scores."""
    bench.live.measure_pace()
    bench.live.pace = replace(bench.live.pace, quick=torch.bfloat16)
    for coefficient in (0.3, 0.6, 1.0):
        bench.live.wear(bench.merge(bench.zoo.recipe("mdm_oc", coefficient)))
        found = bench.evaluation(bench.heads(bench.scored()), "held_out")
        quick = passed(found, bench, "seen")
        exact = passed(found, bench, "done")
        other = np.concatenate([quick[0][name] != exact[0][name] for name in exact[0]])
        moved = {name: 100 * (quick[1][name] - exact[1][name]) for name in exact[1]}
        worst = max(moved.values(), key=abs)
        mean = statistics.mean(moved.values())
        print(
            f"bfloat16 against float32, mdm_oc at {coefficient}: {other.mean():.2%} of "
            f"{len(other):,} predictions differ; mean accuracy {mean:+.2f} points, "
            f"largest of a task {worst:+.2f}"
        )


def passed(found: Evaluation, bench: Bench, wanted: str) -> tuple[dict, dict[str, float]]:
    """Predictions and accuracies once all rows are 'seen' or 'done'."""
    while not getattr(found, wanted):
        found.step(bench.live)
    predictions = {name: each.copy() for name, each in found.predictions.items()}
    return predictions, {name: score.value for name, score in found.scores().items()}


if __name__ == "__main__":
    main()
