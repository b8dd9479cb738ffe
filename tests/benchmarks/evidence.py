"""What a subtraction leaves of each task of the demo zoo, and how long evidence takes.

    python -m tests.benchmarks.evidence [--coefficient 0.41]

Prints Markdown. Every task is taken out alone; n is the held-out rows of the removed task.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from studio.demo import DEMO_ZOO
from studio.evidence.attack import attack
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.residue import residue
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import verify
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.zoo import load_zoo


def score(bench: Bench, task: str, merge: Merge | None) -> Score:
    """Held-out score of one task by a merge, or by the base."""
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads([task]), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation.scores()[task]


def attacked(bench: Bench, task: str, coefficient: float) -> str:
    """A row of the table."""
    full = bench.zoo.recipe("mdm_oc", coefficient)
    unmerged = unmerging(full, (task,), "algebraic")
    result, never = bench.merge(unmerged.recipe), bench.merge(unmerged.never)
    left = residue(result, never, bench.merge(full), task)
    found = attack(bench, bench.live, unmerged, left.norm)
    own, floor = score(bench, task, bench.expert(task)), score(bench, task, never)
    base = score(bench, task, None)
    back = "nothing to start from"
    if found is not None:
        share = found.recovered(own.value, floor.value)
        back = f"{found.score.value:.1%} ({found.score.low:.1%} to {found.score.high:.1%})"
        back += f", {share:.0%} of the gain" if share is not None else ""
    cosine = "" if left.cosine is None else f"{left.cosine:+.3f}"
    return (
        f"| {task} | {left.relative or 0:.2%} | {left.differing:,} of {left.weights:,} | {cosine} "
        f"| {own.value:.1%} | {base.value:.1%} | {floor.value:.1%} | {back} |"
    )


def timed(bench: Bench) -> list[str]:
    """Seconds of a certificate without behaviour, and of its verification."""
    full = bench.zoo.recipe("mdm_oc", 0.41)
    with tempfile.TemporaryDirectory() as folder:
        out, key = Path(folder) / "out", demo_key()
        started = time.perf_counter()
        certify(
            bench.merge, unmerging(full, ("guild-registry",)), out,
            Operator(Ledger(Path(folder) / "log"), key, Request()),
            tasks=list(bench.tasks.values()),
        )  # fmt: skip
        made = time.perf_counter()
        kept = [Path(t.checkpoint) for t in full.without("guild-registry").tasks]
        files = out / CERTIFICATE_FILE, out / "public_key.pem"
        assert verify(out, *files).good
        checked = time.perf_counter()
        assert verify(out, *files, inputs=(Path(full.base), kept)).good
        again = time.perf_counter()
    return [
        f"| certificate without behaviour, with a separate rebuild | {made - started:.1f} s |",
        f"| verification | {checked - made:.2f} s |",
        f"| verification with rebuild | {again - checked:.2f} s |",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coefficient", type=float, default=0.41)
    coefficient = parser.parse_args().coefficient
    bench = Bench(load_zoo(DEMO_ZOO), torch.device("cpu"))
    print("| removed by subtraction | residue | weights that differ | cosine | own model | base "
          "| never merged | brought back |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for task in bench.scored():
        print(attacked(bench, task, coefficient), flush=True)
    print("\n| | measured |\n|---|---|")
    print("\n".join(timed(bench)))


if __name__ == "__main__":
    main()
