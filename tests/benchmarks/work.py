"""One measured piece of the studio's work: ``python -m tests.benchmarks.work WORK RECIPE ...``.

Each run is a process of its own and prints its sample, in JSON. Modules are imported before the
measurement begins, those that the export imports late included.
"""

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

_BEGAN = time.perf_counter()

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from studio.checkpoints.resident import keep_in_memory  # noqa: E402
from studio.errors import StudioError  # noqa: E402
from studio.export.model import export, write_model  # noqa: E402
from studio.geometry.gram import gram  # noqa: E402
from studio.merge import Merge, merged_into, open_merge  # noqa: E402
from studio.progress import silent  # noqa: E402
from studio.recipe import load_recipe  # noqa: E402
from studio.tasks.moving_slider import Slide, begin_slide  # noqa: E402
from tests.benchmarks.measure import Sample, measured  # noqa: E402

Worn = dict[str, Tensor]


def write_work(recipe: Path, scratch: Path) -> Sample:
    """Open the checkpoints, merge, and write weights and config: what the floor does, and checks.

    Left out are the digests of the inputs, fsync and the check that the result loads.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return measured(
            lambda: write_model(open_merge(load_recipe(recipe)), Path(folder), silent), _BEGAN
        )


def export_work(recipe: Path, scratch: Path) -> Sample:
    """The complete export: digests of all inputs, fsync and transformers' load check included."""
    merge = open_merge(load_recipe(recipe))
    kind = merge.base.config["model_type"]
    importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        target = Path(folder) / "merged"
        return measured(
            lambda: export(open_merge(load_recipe(recipe)), target, allow_duplicates=True), _BEGAN
        )


def gram_work(recipe: Path, scratch: Path) -> Sample:
    """One Gram pass over all deltas."""
    return measured(lambda: gram(open_merge(load_recipe(recipe)).deltas), _BEGAN)


def live_work(recipe: Path, scratch: Path, moves: int = 6) -> dict[str, list[Sample]]:
    """Moves of the last task's slider with all deltas in memory, into float32 parameters.

    The first move of each kind is not counted: it touches the parameters' memory.
    """
    merge = open_merge(load_recipe(recipe))
    loading = measured(lambda: keep_in_memory(merge.deltas, 2**62), _BEGAN)
    worn = {name: torch.empty(entry.shape) for name, entry in merge.base.weights.entries.items()}
    found = {"deltas into memory": [loading]}
    for name, wear in MOVES.items():
        wear(merge, merge, worn)
        found[name] = []
        for move in range(moves):
            before, merge = merge, _moved(merge, 0.1 + 0.05 * move)
            found[name].append(measured(lambda b=before, m=merge: wear(b, m, worn), _BEGAN))  # noqa: B023
    return found


def _exact(before: Merge, after: Merge, worn: Worn) -> None:
    """Every merged tensor anew, as on the release of a slider."""
    merged_into(after, worn)


def _slid() -> Callable[[Merge, Merge, Worn], None]:
    """One fused pass over what is kept while the slider moves; the first call makes it."""
    kept: list[Slide] = []

    def move(before: Merge, after: Merge, worn: Worn) -> None:
        if not kept:
            kept.append(begin_slide(after, after.recipe.names[-1], worn))
        kept[0].wear(after, worn)

    return move


# How a live model goes from one merge to the next.
MOVES: dict[str, Callable[[Merge, Merge, Worn], None]] = {
    "exact on release": _exact,
    "while it moves": _slid(),
}


def _moved(merge: Merge, coefficient: float) -> Merge:
    recipe = merge.recipe.with_coefficients({merge.recipe.names[-1]: coefficient})
    return replace(merge, recipe=recipe)


WORK: dict[str, Callable[[Path, Path], Sample]] = {
    "write": write_work,
    "export": export_work,
    "gram": gram_work,
}


def main(work: str, recipe: str, scratch: str, threads: str) -> None:
    """Measure one piece of work and print it."""
    torch.set_num_threads(int(threads))
    try:
        if work == "live":
            samples = live_work(Path(recipe), Path(scratch))
            print(json.dumps({name: [asdict(s) for s in each] for name, each in samples.items()}))
        else:
            print(json.dumps(asdict(WORK[work](Path(recipe), Path(scratch)))))
    except StudioError as refusal:
        sys.exit(f"refused: {refusal}")


if __name__ == "__main__":
    main(*sys.argv[1:])
