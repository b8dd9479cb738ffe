"""Rebuild: the weights root of a merge computed again, in this process or in one of its own."""

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

import torch

from studio.checkpoints.stored import CODES, tensor_bytes
from studio.checkpoints.weights import weights_root
from studio.disk.files import read_mapping
from studio.disk.temporary import TemporaryFolder
from studio.errors import BadCheckpoint, BadRecipe, StudioError
from studio.merge import Merge, open_merge, written_pieces
from studio.methods import method
from studio.parallel import SMALL, in_order
from studio.progress import Meter, Progress, silent
from studio.recipe import RECALIBRATE, Recipe, parse_recipe, save_recipe

_LOOK = 0.1  # seconds between looks at the other process


@dataclass(frozen=True)
class Rebuild:
    """What a separate process made of a recipe.

    Attributes:
        root: weights root.
        seconds: of the merge, without the start of the process.
        peak: most bytes of memory that the process held.
        threads: it computed on.
        capability: vector instructions that torch used.
    """

    root: str
    seconds: float
    peak: int
    threads: int
    capability: str


def rebuilt_root(merge: Merge, progress: Progress = silent) -> str:
    """Weights root of a merge; its tensors are streamed and nothing is written."""
    merge.prepare()
    shapes = {name: merge.union.shape(name) for name in merge.base.names}
    sizes = {
        name: math.prod(shape) * merge.output_dtype(name).itemsize for name, shape in shapes.items()
    }
    meter = Meter(sum(sizes.values()), progress)

    def hashed(name: str) -> str:
        digest = sha256()
        for piece in written_pieces(merge, name):
            digest.update(tensor_bytes(piece))
            meter.add(piece.nbytes, f"computed again: {name}")
        return digest.hexdigest()

    largest_first = sorted(shapes, key=lambda name: -sizes[name])
    hashes = dict(zip(largest_first, in_order(hashed, largest_first, SMALL), strict=True))
    return weights_root(
        (name, CODES[merge.output_dtype(name)], shape, hashes[name])
        for name, shape in shapes.items()
    )


def is_portable(merge: Merge) -> bool:
    """Whether the bits are promised on every machine, or only on one kind of machine."""
    adapters = [c.adapter for c in merge.deltas.checkpoints if c.adapter]
    recipe = merge.recipe
    alike = recipe.batch_norm != RECALIBRATE and not recipe.calibrate and merge.method.portable
    return alike and all(adapter.portable for adapter in adapters)


def why_not_apart(recipe: Recipe) -> str:
    """Why a separate process cannot rebuild a recipe, as a sentence; empty if it can."""
    chosen = method(recipe.method, recipe.options)
    if recipe.batch_norm == RECALIBRATE:
        return (
            "batch_norm: recalibrate runs the merged model on validation rows, and a separate "
            "process is given checkpoints only, no rows."
        )
    if recipe.calibrate:
        return (
            "'calibrate' runs the merged model and the experts on validation rows, and a separate "
            "process is given checkpoints only, no rows."
        )
    if not chosen.measures:
        return ""
    return (
        f"{chosen.title} measures every expert on its validation rows, and a separate process is "
        "given checkpoints only, no rows."
    )


def rebuild_apart(
    recipe: Recipe,
    portable: bool,
    progress: Progress = silent,
    roots: tuple[Path, ...] = (),
    base: str = "",
) -> Rebuild:
    """Rebuild in a fresh process that is told of the recipe's checkpoints and of no others.

    It reads every file anew and refuses those that have not the digest that it is told. It
    computes on one thread, and with the plainest vector instructions where that must not
    change a bit.

    Args:
        recipe: to rebuild, with digests; the process finds its checkpoints by their folders.
        portable: see ``is_portable``.
        progress: told the share done; if it raises, the process is ended.
        roots: folders into which links of the checkpoints' files may lead.
        base: digest of the base; empty takes whatever lies there.

    Raises:
        StudioError: the process refused, in its words; or it would need more than checkpoints.
    """
    if reason := why_not_apart(recipe):
        raise StudioError(reason)
    variables = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    if portable:
        variables["ATEN_CPU_CAPABILITY"] = "default"
    with TemporaryFolder("rebuild") as folder:
        file, told = folder.path / "recipe.json", folder.path / "progress"
        save_recipe(recipe, file)
        told.touch()
        command = [
            sys.executable, "-m", "studio.evidence.rebuild", file, told, base,
            *map(Path.absolute, roots),
        ]  # fmt: skip
        with subprocess.Popen(
            command, env=os.environ | variables, cwd=_package_folder(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process, told.open() as reported:  # fmt: skip
            try:
                while process.poll() is None:
                    _pass_on(reported, progress)
                    time.sleep(_LOOK)
            finally:
                process.kill()
            out, problem = process.communicate()
    if process.returncode != 0:
        lines = problem.strip().splitlines() or ["it gave no reason"]
        raise StudioError(f"The separate rebuild failed: {lines[-1]}")
    return Rebuild(**json.loads(out))


def rebuild_of(merge: Merge, progress: Progress = silent) -> Rebuild:
    """A merge rebuilt in a fresh process that is told the digests of all that goes into it.

    Raises:
        StudioError: as ``rebuild_apart``.
    """
    pairs = zip(merge.deltas.tasks, merge.deltas.checkpoints, strict=True)
    recipe = merge.recipe.with_digests({name: each.digest for name, each in pairs})
    base = merge.base
    return rebuild_apart(recipe, is_portable(merge), progress, base.roots, base.digest)


def _package_folder() -> Path:
    """Where ``python -m studio`` finds this very studio."""
    return Path(__file__).parents[2]


def _pass_on(reported: IO[str], progress: Progress) -> None:
    lines = reported.read().splitlines()
    share = float(lines[-1]) if lines else None
    progress(share or 0.0, "rebuilding in a separate process")


def _main(recipe: Path, told: Path, base: str, *roots: Path) -> None:
    """What the separate process does: rebuild, and print what came of it."""
    torch.set_num_threads(1)
    content = read_mapping(recipe, BadRecipe)
    merge = open_merge(parse_recipe(content, recipe.parent, "The recipe", least=0), roots)
    if base and merge.base.digest != base:
        raise BadCheckpoint(f"{merge.base.folder} is another base than the one that was merged.")
    started = time.perf_counter()
    with told.open("a", buffering=1) as stream:
        root = rebuilt_root(merge, lambda share, words: print(f"{share:.3f}", file=stream))
    seconds = time.perf_counter() - started
    capability = torch.backends.cpu.get_cpu_capability()
    found = Rebuild(root, seconds, _peak(), torch.get_num_threads(), capability)
    print(json.dumps(asdict(found)))


def _peak() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(Path, sys.argv[4:]))
    except StudioError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(1)
