"""Experts of a layer that a full model stores fused, and its base one by one."""

import math
from collections.abc import Collection
from dataclasses import replace

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.names import Names, named
from studio.checkpoints.parameters import Part, parts_of
from studio.checkpoints.stored import Entry
from studio.checkpoints.stored_names import unwrapped
from studio.errors import ShapeMismatch

_AGAIN = "model.save_pretrained(FOLDER), which stores each expert by itself,"


def one_by_one(base: Checkpoint, checkpoint: Checkpoint) -> Checkpoint:
    """A full model whose fused experts are read one by one, where its base stores them so.

    Each is a run of bytes of the fused tensor; nothing is copied.
    """
    architecture = architecture_of(base)
    if checkpoint.adapter is not None or architecture is None or not architecture.puts_together:
        return checkpoint
    theirs = {unwrapped(stored): stored for stored in checkpoint.names}
    prefix, entries = architecture.prefix, checkpoint.weights.entries
    parts: dict[str, Entry] = {}
    wholes: list[str] = []
    for own, stored in parts_of(named(base, base)).items():
        name = own if own in theirs else own.removeprefix(prefix)
        whole = entries[theirs[name]] if name in theirs else None
        if whole is None or whole.shape != architecture.shapes[own]:
            continue
        if all(part.matrix is not None for part in stored.values()):
            wholes.append(theirs[name])
            for each, part in stored.items():
                parts[each if name == own else each.removeprefix(prefix)] = _cut(whole, part)
    if not wholes:
        return checkpoint
    return replace(checkpoint, weights=checkpoint.weights.cut(parts, wholes))


def fused_notes(checkpoint: Checkpoint) -> list[str]:
    """A note on experts that are read one by one and stored otherwise, if any are."""
    stored, read = {*checkpoint.weights.whole.entries}, {*checkpoint.names}
    if checkpoint.adapter is not None or not read - stored:
        return []
    return [
        f"{len(stored - read)} tensors of fused experts ({min(stored - read)}, …) are read as "
        f"{len(read - stored)} of single ones, as the base stores them."
    ]


def _cut(whole: Entry, part: Part) -> Entry:
    """One expert's matrix in a fused tensor of ``(experts, parts * rows, columns)``."""
    _, rows, columns = whole.shape
    height = rows // part.parts
    size = height * columns * whole.dtype.itemsize
    place = (part.matrix or 0) * part.parts + part.part
    assert whole.size == math.prod(whole.shape) * whole.dtype.itemsize
    return replace(whole, shape=(height, columns), start=whole.start + place * size, size=size)


def refuse_fused(
    task: str, checkpoint: Checkpoint, ours: Names, theirs: Names, missing: Collection[str]
) -> None:
    """Refuse two models of which one stores experts fused, and not as they are split here.

    Args:
        task: for words.
        checkpoint: of the task.
        ours: names of the base.
        theirs: of the checkpoint.
        missing: the base's names that the checkpoint does not have.

    Raises:
        ShapeMismatch: naming a tensor of each.
    """
    if ours.base is None:
        return
    whose = f"'{task}' ({checkpoint.folder})"
    wholes = {ours.base.own(name): stored for name, stored in theirs.stored.items()}
    for name in missing:
        fusion = ours.base.fusion(name)
        if fusion and fusion.own in wholes:
            raise ShapeMismatch(
                f"{whose} stores the experts of a layer fused ({wholes[fusion.own]}), in a shape "
                f"that is not that of the base's single ones ({ours.stored[name]}). Open it with "
                f"transformers and save it by {_AGAIN} if it is of the same base model."
            )
    fused = {ours.base.own(name) for name in missing}
    for name, stored in theirs.stored.items():
        fusion = ours.base.fusion(name)
        if fusion and fusion.own in fused:
            raise ShapeMismatch(
                f"{whose} stores each expert of a layer by itself ({stored}), the base fused "
                f"({fusion.own}). Open the base with transformers and save it by {_AGAIN} and "
                "merge on that."
            )
