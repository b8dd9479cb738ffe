"""Seconds and memory of every method: ``python -m tests.benchmarks.methods ROOT``.

Four variants of BERT-base's shapes with drawn weights are written under ROOT, unless they are
there, and merged and written by each registered method at its defaults, in a process of its own;
two of them by methods that refuse four. ``--small`` takes few and small tensors, for a try.
Linux only.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from studio.methods import METHODS
from studio.recipe import Recipe, TaskEntry, save_recipe
from tests.benchmarks import measure, models
from tests.benchmarks.cases import Models
from tests.benchmarks.measure import Refused, Sample, in_own_process

_KIND, _DTYPE, _TASKS = "bert-base", "fp32", 4
_SMALL: models.Shapes = {
    "embeddings.weight": (300, 64),
    "layer.0.LayerNorm.weight": (64,),
    "layer.0.wide.weight": (64, 256),
    "layer.0.tall.weight": (256, 64),
}


@dataclass(frozen=True)
class Measured:
    """One method's sample, or why there is none.

    Attributes:
        method: its name.
        tasks: how many were merged.
        largest: bytes of the largest tensor in float32.
        sample: of the merge and the writing of the result.
        refused: why it was not run.
    """

    method: str
    tasks: int
    largest: int
    sample: Sample | None = None
    refused: str = ""

    @property
    def ratio(self) -> float | None:
        """Peak anonymous memory over the largest tensor's bytes."""
        return self.sample and self.sample.megabytes * 1e6 / self.largest


def measured(found: Models, method: str, threads: int, largest: int) -> Measured:
    """Merge by one method at its defaults, in a process of its own."""
    needs, refused = METHODS[method].needs, ""
    if needs:
        return Measured(method, _TASKS, largest, refused=f"needs validation rows ({needs})")
    for count in (_TASKS, 2):
        tasks = tuple(TaskEntry(task.name, str(task)) for task in found.tasks[:count])
        with tempfile.TemporaryDirectory() as folder:
            recipe = Path(folder) / "recipe.yaml"
            save_recipe(Recipe(str(found.base), tasks, method), recipe)
            try:
                sample = in_own_process("tests.benchmarks.work", "write", recipe, folder, threads)
            except Refused as refusal:
                refused = refused or str(refusal)
            else:
                return Measured(method, count, largest, sample)
    return Measured(method, _TASKS, largest, refused=refused)


def drawn(root: Path, small: bool) -> tuple[Models, int]:
    """The base and its variants, and the bytes of the largest tensor in float32."""
    config, shapes = models.architecture(_KIND)
    if small:
        shapes, folder = _SMALL, root / f"small-{_DTYPE}"
        for variant in (None, *range(_TASKS)):
            target = folder / ("base" if variant is None else f"task{variant}")
            target.mkdir(parents=True, exist_ok=True)
            config.save_pretrained(target)
            models._write(target / "model.safetensors", shapes, _DTYPE, variant)
    else:
        folder = models.build(root, _KIND, _DTYPE, _TASKS)
    tasks = tuple((folder / f"task{i}").absolute() for i in range(_TASKS))
    largest = max(torch.Size(shape).numel() for shape in shapes.values())
    return Models(folder.name, (folder / "base").absolute(), tasks), 4 * largest


def table(rows: Iterable[Measured]) -> str:
    """Rows as Markdown."""
    lines = [
        "| method | tasks | merge and write, s | CPU s | anonymous MB above imports | "
        "over the largest tensor |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"not run: {row.refused}".replace("|", "/"), "", "", ""]
        if row.sample is not None:
            sample = row.sample
            cells = [f"{sample.seconds:.1f}", f"{sample.cpu:.1f}", f"{sample.megabytes:.0f}"]
            cells.append(f"{row.ratio:.2f}")
        lines.append(f"| {row.method} | {row.tasks} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print a line per method as it is measured, then one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--methods", default=",".join(METHODS), help="names (default: all)")
    parser.add_argument("--small", action="store_true", help="few and small tensors")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    names = options.methods.split(",")
    if unknown := [name for name in names if name not in METHODS]:
        parser.error(f"no such method: {', '.join(unknown)}")
    found, largest = drawn(options.root, options.small)
    measure.warm(found.files)
    rows = []
    for name in names:
        rows.append(measured(found, name, options.threads, largest))
        print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
