"""Tables of merges on a zoo's held-out rows, printed line by line as they are measured."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from studio.demo import DEMO_ZOO
from studio.measure.bench import Bench
from studio.measure.change import changes, mean_change
from studio.measure.evaluate import Evaluation
from studio.zoo import load_zoo


def paired(found: Evaluation, against: Evaluation | None) -> str:
    """The change between two evaluations of the same rows in points; empty without the second."""
    change = mean_change(changes(found, against)) if against else None
    return f"{100 * change.mean:+.1f} ± {100 * change.half:.1f}" if change else ""


def print_table(about: str, head: str, lines: Callable[[Bench, str], Iterator[str]]) -> None:
    """Read the arguments of a benchmark and print its table.

    Args:
        about: docstring of the benchmark.
        head: of the table, in Markdown.
        lines: from a bench, and words that a setting must hold.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--zoo", type=Path, default=DEMO_ZOO)
    parser.add_argument("--only", default="", help="settings whose words hold this")
    options = parser.parse_args()
    bench = Bench(load_zoo(options.zoo), torch.device("cpu"))
    print(f"{head}\n{'|---' * head.count(' | ')}|---|")
    for line in lines(bench, options.only):
        print(line, flush=True)
