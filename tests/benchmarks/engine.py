"""The engine against its practical floors, pair by pair in fresh processes.

``python -m tests.benchmarks.engine ROOT --kinds bert-base-fp32:4 --parts write,memory,gram,live``;
ROOT is where ``tests.benchmarks.models`` wrote. Inputs are read once beforehand, so that the page
cache is warm for ours and for the floor alike.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measure
from tests.benchmarks.cases import METHODS, Models, models, write_recipe
from tests.benchmarks.measure import Refused, Row, Sample, in_own_process

_FLOOR = "tests.benchmarks.floor"
_WORK = "tests.benchmarks.work"


@dataclass(frozen=True)
class Run:
    """What every part needs: the models, a folder to write in, threads, repeats, methods."""

    models: Models
    scratch: Path
    threads: int
    repeats: int
    methods: tuple[str, ...] = tuple(METHODS)

    def ours(self, work: str, method: str = "task_arithmetic") -> Sample:
        """The studio's work in a process of its own."""
        recipe = write_recipe(self.models, method, self.scratch)
        return in_own_process(_WORK, work, recipe, self.scratch, self.threads)

    def floor(self, command: str, threads: int) -> Sample:
        """The floor in a process of its own."""
        target = self.scratch / "floor.safetensors" if command == "merge" else "-"
        return in_own_process(_FLOOR, command, threads, target, *self.models.files)


def write_part(run: Run) -> Iterator[Row]:
    """Linear merges: merge and write against the floor; the complete export against the same."""
    for work, words in (
        ("write", "linear merge and write, without imports / floor"),
        ("export", "linear export, digests, fsync and load check included / floor"),
    ):
        yield _pairs(
            words, run, lambda work=work: run.ours(work), lambda: run.floor("merge", run.threads)
        )


def memory_part(run: Run) -> Iterator[Row]:
    """Peak anonymous memory of each method above imports, written and exported once."""
    largest = max(_tensor_sizes(run.models))
    for method in run.methods:
        for work in ("write", "export"):
            row = _pairs(f"memory, {method}, {work}", run, lambda w=work, m=method: run.ours(w, m))
            if row.ours:
                peak = max(sample.megabytes for sample in row.ours)
                share = (("peak / largest tensor in float32:", peak * 1e6 / largest),)
                row = Row(row.figure, row.model, row.ours, more=share)
            yield row


def gram_part(run: Run) -> Iterator[Row]:
    """A Gram pass against one memory-mapped read of the same files."""
    for threads in sorted({1, run.threads}):
        yield _pairs(
            f"Gram pass, {run.threads} threads / one read, {threads} threads",
            run, lambda: run.ours("gram"), lambda t=threads: run.floor("read", t),
        )  # fmt: skip


def live_part(run: Run) -> Iterator[Row]:
    """Moves of one slider with all deltas in memory."""
    recipe = write_recipe(run.models, "task_arithmetic", run.scratch)
    try:
        found = measure.several_in_own_process(_WORK, "live", recipe, run.scratch, run.threads)
    except Refused as refusal:
        yield Row("live", run.models.name, refused=str(refusal))
        return
    for name, samples in found.items():
        yield Row(f"live weights, {name}", run.models.name, samples)


PARTS: dict[str, Callable[[Run], Iterator[Row]]] = {
    "write": write_part,
    "memory": memory_part,
    "gram": gram_part,
    "live": live_part,
}


def _pairs(
    figure: str, run: Run, ours: Callable[[], Sample], yardstick: Callable[[], Sample] | None = None
) -> Row:
    """Ours and the yardstick in turn; without a yardstick once, for memory hardly varies."""
    mine, theirs = [], []
    try:
        for _ in range(run.repeats if yardstick else 1):
            mine.append(ours())
            if yardstick:
                theirs.append(yardstick())
    except Refused as refusal:
        return Row(figure, run.models.name, refused=str(refusal))
    return Row(figure, run.models.name, tuple(mine), tuple(theirs))


def _tensor_sizes(found: Models) -> list[int]:
    """Bytes of the base's tensors in float32."""
    from studio.checkpoints.checkpoint import open_checkpoint

    return [4 * entry.numel for entry in open_checkpoint(found.base).weights.entries.values()]


def main() -> None:
    """Run the parts asked for and print a line per row, then Markdown, then JSON to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--kinds", nargs="+", required=True, metavar="FOLDER:TASKS")
    parser.add_argument("--parts", default="write", help=f"of {','.join(PARTS)}")
    parser.add_argument("--methods", nargs="+", default=tuple(METHODS), choices=tuple(METHODS),
                        help="whose memory is measured (default all)")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, help="pairs (default 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="where to write (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every sample")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for kind in options.kinds:
            found = models(options.root, kind, Path(folder))
            measure.warm(sorted({file.resolve() for file in found.files}))
            methods = tuple(options.methods)
            run = Run(found, Path(folder), options.threads, options.repeats, methods)
            for part in options.parts.split(","):
                for row in PARTS[part](run):
                    rows.append(row)
                    print(measure.table([row]).splitlines()[-1], file=sys.stderr, flush=True)
                    if options.json:
                        options.json.write_text(measure.as_json(rows))
    print(measure.table(rows))


if __name__ == "__main__":
    main()
