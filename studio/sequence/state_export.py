"""The merged model of a sequence's state: a folder that transformers loads."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
import yaml
from torch import Tensor

from studio import __version__
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.vectors import pieces
from studio.checkpoints.writer import write_weights
from studio.disk.folders import flush, new_folder
from studio.errors import NotFinite
from studio.export.card import public_name
from studio.export.model import RECORD, check_loads, copy_companions
from studio.methods.kit.running_sum import squared_norm
from studio.parallel import SMALL, in_order
from studio.progress import Progress, attended, part, silent
from studio.sequence.state import State, refuse_damaged, refuse_other_base

_PIECE = 2**18  # elements at a time; the work is elementwise, so no cut changes a bit
NO_UNDO = (
    "A state cannot be undone: it does not say what one task put in. Unmerging a task exactly "
    "needs the checkpoints of the kept tasks."
)


def write_merged(state: State, base: Checkpoint, target: Path, progress: Progress = silent) -> str:
    """Write the model merged from a state to a new folder, whole or not at all.

    The weights are those of the recipe with the method ``opcm``, the state's options and its
    tasks in order of arrival: the same bits on one machine. Heads are private to the checkpoints
    and not in a state, so none are written.

    Args:
        state: of which base and options.
        base: of the state.
        target: a folder that does not exist.
        progress: told the share of the work done; raising in it stops it.

    Returns:
        The weights root of the written model.

    Raises:
        OutputExists: ``target`` is there already.
        BadState: the state is damaged or of another base.
        NotFinite: the result leaves the range of the base's dtype.
    """
    refuse_other_base(state, base)
    entries = base.weights.entries
    layout = {name: (entry.dtype, entry.shape) for name, entry in entries.items()}
    with new_folder(target, sum(entry.size for entry in entries.values())) as work:
        refuse_damaged(state, part(progress, 0.0, 0.1))
        factor = attended(partial(scaling, state), progress, 0.1, "measuring the sum")
        values = partial(state_pieces, state, base, factor)
        root = write_weights(work, layout, values, part(progress, 0.2, 0.9))
        copy_companions(base, work)
        record = _record(state, base, root, factor)
        (work / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        (work / "README.md").write_text(_card(state, base, root), encoding="utf-8")
        names = tuple(state.sums.entries) if state.sums else ()
        check = partial(check_loads, work, base, names)
        attended(check, progress, 0.9, "loading the result once to check it")
        attended(partial(flush, work), progress, 0.98, "flushing to the disk")
        progress(1.0, "done")
    return root


def scaling(state: State) -> float:
    """What a state's sums are multiplied by: the scale divided by lambda."""
    names = tuple(state.sums.entries) if state.sums else ()

    def square(name: str) -> float:
        assert state.sums is not None
        stored = state.sums.stored(name)
        return squared_norm(stored.numel(), lambda start, stop: stored[start:stop])

    squares = in_order(square, names, SMALL)
    return state.method.multiplier([task.norm for task in state.tasks], squares)


def state_pieces(state: State, base: Checkpoint, factor: float, name: str) -> Iterator[Tensor]:
    """One merged tensor in flat pieces: base + factor * sum, added in the compute dtype, cast once.

    Raises:
        NotFinite: a sum is not finite, or the result leaves the range of the base's dtype.
    """
    stored = base.weights.stored(name)
    touched = state.sums is not None and name in state.sums.entries
    total = state.sums.stored(name) if state.sums is not None and touched else None
    for start, stop in pieces(stored.numel(), _PIECE):
        piece = stored[start:stop]
        if total is not None:
            change = total[start:stop].mul_(factor)
            piece = piece.to(state.dtype).add_(change).to(stored.dtype)
            if not bool(piece.isfinite().all()):
                raise NotFinite(
                    f"{name}: the merged values leave the range of {stored.dtype}, or {state.path} "
                    "holds values that are NaN or infinite. Use a base in a wider dtype."
                )
        yield piece


def _record(state: State, base: Checkpoint, root: str, factor: float) -> dict:
    """What the weights were computed from, as an export says it."""
    growth = state.method.growth(factor)
    return {
        "studio": __version__,
        "torch": str(torch.__version__),
        "weights_root": root,
        "base": {"source": public_name(str(base.folder)), "digest": base.digest},
        "tasks": [{"name": task.name, "digest": task.digest} for task in state.tasks],
        "compute_dtype": str(state.dtype).removeprefix("torch."),
        "vectors": "the sum of a sequence's state",
        "lambda": growth and growth.hex(),
        "sequence": state.plain(),
    }


def _card(state: State, base: Checkpoint, root: str) -> str:
    front = {
        "base_model": [public_name(str(base.folder))],
        "base_model_relation": "merge",
        "library_name": "transformers",
        "tags": ["merge", state.method.name],
    }
    settings = ", ".join(f"{key} = {value}" for key, value in vars(state.method).items())
    rows = [
        f"| {number} | {task.name} | {task.norm:.4g} | `{task.digest}` |"
        for number, task in enumerate(state.tasks, 1)
    ]
    return "\n".join(
        [
            "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---\n",
            f"# OPCM of {len(state.tasks)} tasks that arrived one by one\n",
            f"Base `{public_name(str(base.folder))}` (digest `{base.digest}`), method "
            f"`{state.method.name}` ({settings}), dtype of the base.\n",
            "| arrival | task | norm of its delta | checkpoint digest |",
            "|---|---|---|---|",
            *rows,
            "\nNo scores were measured for this export, and it holds no heads.\n",
            f"Weights root: `{root}` (sha256 over sorted names, dtypes, shapes and tensor "
            f"hashes).\n\n{NO_UNDO}\n",
        ]
    )
