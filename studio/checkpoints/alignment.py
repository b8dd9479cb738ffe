"""How a checkpoint's tensors correspond to the base's: prefix, heads, private tensors, shapes."""

import re
from dataclasses import dataclass

from studio.checkpoints.adapter_fit import (
    adapter_prefix,
    check_modules,
    layout_notes,
    refuse_vocabulary,
    take_copies,
    targets,
)
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint, ShapeMismatch

HEADS = ("classifier", "score", "fc", "qa_outputs")
# Of the base's own training: often left out of a fine-tuned checkpoint; the base's are then kept.
PRETRAINING = ("cls", "lm_head", "vocab_projector", "vocab_transform", "vocab_layer_norm")
_COUNTER = "num_batches_tracked"
_EXAMPLES = 5


@dataclass(frozen=True)
class Join:
    """One checkpoint laid over the base.

    Attributes:
        prefix: what the checkpoint puts before the base's names.
        shared: {base name: stored name}; for a module with factors, its path.
        private: {name without prefix: stored name} of tensors that are never merged.
        notes: what a user should know, a sentence each.
    """

    prefix: str
    shared: dict[str, str]
    private: dict[str, str]
    notes: tuple[str, ...]


def is_head(name: str) -> bool:
    """Whether a base tensor belongs to a task head, which is never merged."""
    return name.split(".")[0] in HEADS


def join(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Join:
    """Lay a checkpoint over its base.

    Raises:
        ShapeMismatch: they do not share an architecture; lists names or shapes.
        BadCheckpoint: the prefix is not unique, or a tensor would be merged and must not be.
    """
    if base.adapter is not None:
        raise BadCheckpoint(f"The base {base.folder} is an adapter; it must be a full model.")
    if checkpoint.adapter is None:
        return _join_full(base, task, checkpoint)
    return _join_adapter(base, task, checkpoint)


def _join_full(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Join:
    mergeable = [name for name in base.names if not is_head(name)]
    required = [name for name in mergeable if not _may_be_absent(base, name)]
    if not required:
        raise BadCheckpoint(
            f"The base {base.folder} holds {len(base.names)} tensors, none of which can be merged: "
            "heads, poolers and counters alone are no model."
        )
    stored = set(checkpoint.names)
    prefix = _prefix(task, checkpoint, required, stored)
    shared = {name: prefix + name for name in mergeable if prefix + name in stored}
    private = _private(task, checkpoint, prefix, set(shared.values()), set(mergeable))
    _refuse_deeper(task, base, private)
    notes = []
    absent = [name for name in mergeable if name not in shared]
    if absent:
        notes.append(f"{len(absent)} tensors of the base are not in it ({absent[0]}, …): kept.")
    notes += _check_pairs(base, task, checkpoint, shared)
    shared = {name: at for name, at in shared.items() if base.weights.entries[name].floating}
    return Join(prefix, shared, private, tuple(notes))


def _prefix(task: str, checkpoint: Checkpoint, required: list[str], stored: set[str]) -> str:
    probe = max(required, key=len, default="")
    prefixes = [
        name.removesuffix(probe) for name in stored if name == probe or name.endswith("." + probe)
    ]
    complete = sorted(p for p in prefixes if all(p + name in stored for name in required))
    if len(complete) == 1:
        return complete[0]
    if complete:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) holds the base's tensors {len(complete)} times, under "
            f"{' and '.join(map(repr, complete))}; it is not clear which to merge."
        )
    some = sorted(prefixes)[:_EXAMPLES] or [""]
    best = min(some, key=lambda p: sum(p + name not in stored for name in required))
    missing = [name for name in required if best + name not in stored]
    raise ShapeMismatch(
        f"'{task}' ({checkpoint.folder}) lacks {len(missing)} of the base's {len(required)} "
        f"tensors: {_some(missing)}. Both must come from the same base model; if only the names "
        "differ, save both with the same transformers class."
    )


def _private(
    task: str, checkpoint: Checkpoint, prefix: str, taken: set[str], mergeable: set[str]
) -> dict[str, str]:
    private: dict[str, str] = {}
    for stored in checkpoint.names:
        if stored in taken:
            continue
        name = stored.removeprefix(prefix)
        if name in mergeable or name in private:
            raise BadCheckpoint(
                f"'{task}' ({checkpoint.folder}) holds {name} both as {stored} and as "
                f"{private.get(name, prefix + name)}; it is not clear which to merge."
            )
        private[name] = stored
    return private


def _refuse_deeper(task: str, base: Checkpoint, private: dict[str, str]) -> None:
    """A private tensor in a numbered layer that the base lacks means a deeper model."""
    patterns = {re.sub(r"\d+", "#", name) for name in base.names if not is_head(name)}
    extra = [
        name for name in private if re.search(r"\d", name) and re.sub(r"\d+", "#", name) in patterns
    ]
    if extra:
        raise ShapeMismatch(
            f"'{task}' has {len(extra)} tensors in layers that the base does not have: "
            f"{_some(extra)}. Both must come from the same base model."
        )


def _check_pairs(
    base: Checkpoint, task: str, checkpoint: Checkpoint, shared: dict[str, str]
) -> list[str]:
    """Refuse pairs that differ in shape or kind; integer buffers must be the base's."""
    wrong, counters = [], 0
    for name, stored in shared.items():
        ours, theirs = base.weights.entries[name], checkpoint.weights.entries[stored]
        if ours.shape != theirs.shape:
            wrong.append(f"{name} {theirs.shape} instead of {ours.shape}")
        elif ours.floating != theirs.floating:
            wrong.append(f"{name} {theirs.code} instead of {ours.code}")
    if wrong:
        raise ShapeMismatch(
            f"'{task}' ({checkpoint.folder}) differs from the base in {len(wrong)} tensors: "
            f"{_some(wrong)}. Both must come from the same base model."
        )
    for name, stored in shared.items():
        if base.weights.entries[name].floating:
            continue
        if name.split(".")[-1] == _COUNTER:
            counters += 1
        elif not base.tensor(name).equal(checkpoint.tensor(stored)):
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) has other values in the integer buffer {name} "
                "than the base; such buffers cannot be merged and must be equal."
            )
    return [f"{counters} counters ({_COUNTER}) are taken from the base."] if counters else []


def _join_adapter(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Join:
    assert checkpoint.adapter is not None
    sorted_names = checkpoint.sorted_names
    prefix = adapter_prefix(base, task, checkpoint)
    shared = targets(base, task, checkpoint, prefix)
    if heads := [name for name in shared if is_head(name)]:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on {_some(heads)}, a "
            "head, which is never merged; merge the adapter into its base and use the full model "
            "instead."
        )
    check_modules(base, task, checkpoint, shared)
    private, whole = {}, {}
    for name, stored in sorted_names.others.items():
        name = name.removeprefix(prefix)
        kept = whole if name in base.weights.entries and not is_head(name) else private
        kept[name] = stored
    notes = [*sorted_names.notes, *layout_notes(base, checkpoint, shared)]
    notes += take_copies(base, task, checkpoint, shared, private)
    _refuse_deeper(task, base, private)
    refuse_vocabulary(base, task, checkpoint, whole)
    notes += _check_pairs(base, task, checkpoint, whole)
    whole = {name: at for name, at in whole.items() if base.weights.entries[name].floating}
    if both := sorted({*shared} & {*whole}):
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) holds {_some(both)} whole and as "
            f"{checkpoint.adapter.part}; it is not clear which to merge."
        )
    if whole:
        besides = f", not as {checkpoint.adapter.part}" if shared else ""
        notes.append(f"{len(whole)} tensors are trained whole ({min(whole)}, …){besides}.")
    return Join(prefix, shared | whole, private, tuple(notes))


def _may_be_absent(base: Checkpoint, name: str) -> bool:
    parts = name.split(".")
    return parts[0] in PRETRAINING or "pooler" in parts or not base.weights.entries[name].floating


def _some(items: list[str]) -> str:
    return ", ".join(items[:_EXAMPLES]) + (", …" if len(items) > _EXAMPLES else "")
