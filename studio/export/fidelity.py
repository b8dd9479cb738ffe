"""Fidelity: a task alone at coefficient 1 is the checkpoint as transformers and PEFT open it."""

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

import torch
import transformers
from torch import Tensor, nn

from studio.checkpoints.alignment import Join
from studio.checkpoints.architecture import Architecture, architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.matched_rows import Matched
from studio.checkpoints.parameters import ParameterModule, Part, stacked
from studio.checkpoints.settings import entries_of_base
from studio.checkpoints.stored_names import ROOT, unwrapped
from studio.checkpoints.vectors import Room, Vectors, pieces
from studio.disk.cache import cache_key, keep, recall
from studio.errors import BadCheckpoint, StudioError
from studio.measure.score_cache import code_digest
from studio.merge import Merge
from studio.progress import Progress, attended, part, silent
from studio.tasks.pretrained import load_pretrained, loaded_adapter
from studio.tasks.random_input import TOLERANCE, under_settings


@dataclass(frozen=True)
class Fidelity:
    """What was found of one checkpoint.

    Attributes:
        task: its name.
        compared: tensors that were compared.
        total: tensors that it shares with the base.
        largest: difference among them, relative to a tensor's largest value or 1.
        where: the tensor that has it.
        unchecked: why nothing was compared; empty if something was.
        moved: how far its answers to random input move under the base's settings, see ``apart``;
            None if it has no others, or takes no random input.
    """

    task: str
    compared: int = 0
    total: int = 0
    largest: float = 0.0
    where: str = ""
    unchecked: str = ""
    moved: float | None = None


def check_fidelity(merge: Merge, progress: Progress = silent) -> tuple[str, list[str]]:
    """Compare every task, alone at coefficient 1, with what transformers or PEFT open.

    The result is kept by the digests of checkpoint and base, the versions of what opens them and
    the studio's own code, so that a pair is opened once. A model is loaded for each.

    Returns:
        A sentence on what was compared, and what must not be overlooked.

    Raises:
        BadCheckpoint: a checkpoint is joined wrongly, naming the tensor and the difference.
    """
    found = []
    deltas = merge.deltas
    for number in range(len(deltas)):
        share = part(progress, number / len(deltas), (number + 1) / len(deltas))
        found.append(_known(merge, number, share))
    for each in found:
        if each.largest > TOLERANCE:
            raise BadCheckpoint(
                f"'{each.task}': {each.where} differs by {each.largest:.2g} from what "
                "transformers and PEFT make of this checkpoint on this base. It would be merged "
                "wrongly; please report it with the names of both models."
            )
    return _words(found), _warnings(found)


def _known(merge: Merge, number: int, progress: Progress) -> Fidelity:
    checkpoint, task = merge.deltas.checkpoints[number], merge.deltas.tasks[number]
    rows = merge.deltas.joins[number].rows
    about = [*_depends_on(merge.base, checkpoint), *([rows.digest] if rows else [])]
    key = cache_key("fidelity 2", *about)
    if (kept := recall(key)) is not None:
        with suppress(ValueError, TypeError, RecursionError):  # damaged, and as good as none
            return Fidelity(**json.loads(kept) | {"task": task})
    alone = merge.deltas.subset((task,))
    found = attended(
        lambda: _compared(alone, task, checkpoint),
        progress,
        0.0,
        f"'{task}': opened once to compare",
    )
    if not found.unchecked and found.largest <= TOLERANCE:
        keep(key, json.dumps(vars(found)).encode())
    return found


def _depends_on(base: Checkpoint, checkpoint: Checkpoint) -> list[str]:
    """What a comparison depends on: weights, configurations, and whatever opens them."""
    peft = version("peft") if find_spec("peft") else ""
    configs = base.config, checkpoint.config, checkpoint.adapter_config
    return [
        base.digest, checkpoint.digest, json.dumps(configs, sort_keys=True),
        str(transformers.__version__), str(torch.__version__), peft, code_digest(),
    ]  # fmt: skip


def _compared(deltas: Deltas, task: str, checkpoint: Checkpoint) -> Fidelity:
    ours = architecture_of(deltas.base)
    own = ours if checkpoint.adapter else architecture_of(checkpoint)
    if ours is None or own is None:
        return Fidelity(task, unchecked="no config.json names a class that transformers knows")
    if checkpoint.adapter and find_spec("peft") is None:
        return Fidelity(task, unchecked="PEFT is not installed")
    joined = deltas.joins[0]
    model_class = _class_that_reads(checkpoint, own, joined)
    if not model_class:
        return Fidelity(task, unchecked="its names are not those that its class reads by itself")
    try:
        opened = _opened(deltas.base, checkpoint, model_class, joined.rows)
    except StudioError as problem:
        return Fidelity(task, unchecked=str(problem))
    expected = opened.state_dict()
    compared, worst, moved = 0, (0.0, ""), False
    for name, read, part_of_it in _places(deltas.base, checkpoint, ours, own, joined):
        read = read if read in expected else read.removeprefix(own.prefix)
        if read in expected:
            compared += 1
            values, rows = part_of_it.of(expected[read]), joined.rows
            if rows is not None and joined.shared[name] in rows.names:
                values = rows.laid(values, deltas.base.tensor(name))
            apart, moves = _difference(deltas.at(name), values)
            worst, moved = max(worst, (apart, name)), moved or moves
    if checkpoint.adapter and not moved:  # it knows none of the names, and says so to nobody
        return Fidelity(task, unchecked="PEFT finds nothing in it that it can put on the base")
    if not compared:
        return Fidelity(task, unchecked="its class has none of its tensors under one name")
    others = {} if checkpoint.adapter else entries_of_base(deltas.base, checkpoint)
    answers = under_settings(opened, others) if others else None
    return Fidelity(task, compared, len(joined.shared), *worst, moved=answers)


def _places(
    base: Checkpoint, checkpoint: Checkpoint, ours: Architecture, own: Architecture, join: Join
) -> Iterator[tuple[str, str, Part]]:
    """Per tensor that is shared, the class's name of it, or of what it is a part of.

    Those of an adapter that PEFT does not read are left out.
    """
    parts = stacked(base)
    for name, stored in join.shared.items():
        module = join.modules.get(stored)
        if checkpoint.adapter and module is None and ROOT not in stored:
            continue
        # by the base's name, so that a wrong pair shows; a tower's class has names of its own
        read = own.own(ours.name(name)) or own.own(own.name(stored))
        if isinstance(module, ParameterModule):
            yield name, own.own(module.target) or "", module.part
        elif read is None and name in parts:
            whole, each = parts[name]
            yield name, own.own(whole) or own.own(whole.removeprefix(ours.prefix)) or "", each
        else:
            yield name, read or "", Part()


def _class_that_reads(checkpoint: Checkpoint, own: Architecture, join: Join) -> str:
    """The class whose names a checkpoint has; empty where transformers or PEFT alone read none.

    Of an adapter that is the base's class, or that of its body.
    """
    if not checkpoint.adapter:
        plain = all(
            unwrapped(name) == name and own.reads(own.name(name)) for name in join.shared.values()
        )
        return own.model_class if plain else ""
    names = [m.target for m in join.modules.values()] or list(checkpoint.sorted_names.others)
    if all(name in own.shapes for name in names):
        return own.model_class
    return "AutoModel" if all(own.prefix + name in own.shapes for name in names) else ""


def _opened(
    base: Checkpoint, checkpoint: Checkpoint, model_class: str, rows: Matched | None
) -> nn.Module:
    if checkpoint.adapter:
        return loaded_adapter(base, checkpoint, model_class, rows.height if rows else None)
    return load_pretrained(checkpoint, model_class)


def _difference(tensor: Vectors, expected: Tensor) -> tuple[float, bool]:
    """Largest difference of base and delta from a tensor, relative to its largest value or 1.

    Beside it, whether that tensor differs from the base.
    """
    flat, room, most, moved = expected.detach().flatten(), Room(), 0.0, False
    if flat.numel() != tensor.numel:
        return float("inf"), True
    for start, stop in pieces(tensor.numel):
        delta = tensor.delta(0, start, stop, torch.float32)
        whole = tensor.base_piece(start, stop, torch.float32, room).double()
        moved = moved or not whole.equal(flat[start:stop].double())
        whole = whole if delta is None else whole + delta.double()
        if stop > start:
            apart = float((whole - flat[start:stop].double()).abs().max())
            most = max(most, apart if math.isfinite(apart) else math.inf)
    return (most / max(float(flat.abs().max()), 1.0) if flat.numel() else 0.0), moved


def _words(found: list[Fidelity]) -> str:
    checked = [each for each in found if not each.unchecked]
    words = [f"'{each.task}' was not checked: {each.unchecked}" for each in found if each.unchecked]
    if checked:
        largest = max(each.largest for each in checked)
        count = f"{sum(e.compared for e in checked)} of {sum(e.total for e in checked)}"
        words.insert(
            0,
            f"{len(checked)} of {len(found)} checkpoints alone are what transformers and PEFT "
            f"open ({count} tensors, largest difference {largest:.1e})",
        )
    return "; ".join(words)


def _warnings(found: list[Fidelity]) -> list[str]:
    return [
        f"'{each.task}' was trained with settings that differ from the base's, which a merge has. "
        "By that alone its hidden states and answers to random input change by up to "
        f"{each.moved:.2g} of their largest value (0 is not at all, 1 as much as they are large)."
        for each in found
        if each.moved is not None and each.moved > TOLERANCE
    ]
