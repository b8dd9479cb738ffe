"""How an adapter's modules fit a base: the prefix of their names, their targets, their shapes."""

from collections.abc import Iterable

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.lora import LoraModule
from studio.checkpoints.tokens import TokenRows
from studio.checkpoints.vectors import pieces
from studio.errors import BadCheckpoint, ShapeMismatch

_EXAMPLES = 5
_COPY = ".base_layer.weight"
_HEADS = ("classifier", "fc", "lm_head", "qa_outputs", "score")


def adapter_prefix(base: Checkpoint, task: str, checkpoint: Checkpoint) -> str:
    """What an adapter puts before the base's names.

    Raises:
        ShapeMismatch: no one prefix leads to the base's names, naming what it lacks.
    """
    found = checkpoint.sorted_names
    if _located(base, task, checkpoint) is not None:
        return ""
    names = set(base.names)
    wanted = [each.target for each in found.modules.values() if not each.optional]
    if not found.modules:
        wanted = list(found.others)
    parts = max(wanted, key=len).split(".")
    cuts = [".".join(parts[:k]) + "." if k else "" for k in range(len(parts))]
    fitting = [p for p in cuts if all(n.startswith(p) and n[len(p) :] in names for n in wanted)]
    if len(fitting) == 1:
        return fitting[0]
    best = min(cuts, key=lambda cut: (len(_absent(wanted, cut, names)), len(cut)))
    _explain(base, task, checkpoint, _absent(wanted, best, names), best)
    missing = [name.removesuffix(".weight") for name in wanted if name not in names]
    raise ShapeMismatch(
        f"'{task}' ({checkpoint.folder}) changes {_some(missing)}, which the base does not "
        "have under any one prefix. The adapter belongs to another base model."
    )


def targets(base: Checkpoint, task: str, checkpoint: Checkpoint, prefix: str) -> dict[str, str]:
    """{base name: name of the module that changes it}.

    Raises:
        BadCheckpoint: two modules change one tensor.
    """
    shared: dict[str, str] = {}
    located = _located(base, task, checkpoint) or {}
    for key, module in checkpoint.sorted_names.modules.items():
        name = located.get(key) or module.target.removeprefix(prefix)
        if module.optional and name not in base.weights.entries:
            continue
        if name in shared:
            raise BadCheckpoint(
                f"'{task}' ({checkpoint.folder}) changes {name} twice, by {shared[name]} and {key}."
            )
        shared[name] = key
    return shared


def check_modules(
    base: Checkpoint, task: str, checkpoint: Checkpoint, shared: dict[str, str]
) -> None:
    """Refuse modules whose tensors do not fit the base's.

    Raises:
        ShapeMismatch: naming shapes, or a head that was tied where the adapter was trained.
    """
    shapes = checkpoint.shapes
    for name, key in shared.items():
        entry, module = base.weights.entries[name], checkpoint.sorted_names.modules[key]
        if not entry.floating:
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) changes {name}, which the base stores as "
                f"{entry.code}: a quantized base cannot be merged into. Use the base's original."
            )
        module.check(shapes, entry.shape, name, task)
        tied = [
            other for other in base.names for end in getattr(module, "tied", ())
            if other.removesuffix(".weight").endswith(end)
        ]  # fmt: skip
        if isinstance(module, TokenRows) and tied:
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) trains token rows of {name} and of {tied[0]}, "
                "which were tied where it was trained; the base stores both. Use the base it was "
                "trained on."
            )


def take_copies(
    base: Checkpoint, task: str, checkpoint: Checkpoint, shared: dict[str, str],
    private: dict[str, str],
) -> list[str]:  # fmt: skip
    """Leave out the base's weights that PEFT saved below factors; returns a note on them.

    Args:
        base: the base.
        task: for words.
        checkpoint: the adapter.
        shared: what its modules change.
        private: tensors that the base lacks; those that are left out are taken away.

    Raises:
        ShapeMismatch: such a copy has other values or rows than the base's.
    """
    copies = {
        name: name.removesuffix(_COPY) + ".weight" for name in private if name.endswith(_COPY)
    }
    copies = {name: target for name, target in copies.items() if target in shared}
    refuse_vocabulary(base, task, checkpoint, {copies[name]: private[name] for name in copies})
    for name, target in copies.items():
        if not _equal(base, checkpoint, target, private.pop(name)):
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) holds {target} with other values than the base, "
                f"and {checkpoint.adapter.part if checkpoint.adapter else ''} beside it: it was "
                "trained on another base. Merge the adapter into that base and use the full model "
                "instead."
            )
    if not copies:
        return []
    return [
        f"{len(copies)} tensors saved beside factors ({min(copies.values())}, …) equal the base's."
    ]


def refuse_vocabulary(
    base: Checkpoint, task: str, checkpoint: Checkpoint, whole: dict[str, str]
) -> None:
    """Refuse whole tensors with another number of rows than the base's.

    Raises:
        ShapeMismatch: naming both numbers, and what to do.
    """
    for name, stored in whole.items():
        ours, theirs = base.weights.entries[name].shape, checkpoint.weights.entries[stored].shape
        if len(ours) == len(theirs) == 2 and ours[1] == theirs[1] and ours[0] != theirs[0]:
            cut = theirs[0] < ours[0]
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) saved {name} with {theirs[0]:,} rows of "
                f"vocabulary; the base has {ours[0]:,}. Its vocabulary was "
                f"{'cut' if cut else 'extended'} before training. Resize the base's embeddings to "
                f"{theirs[0]:,} rows and save it, or save the adapter without its embedding layers "
                "if they were not trained."
            )


def _located(base: Checkpoint, task: str, checkpoint: Checkpoint) -> dict[str, str] | None:
    assert checkpoint.adapter is not None
    try:
        return checkpoint.adapter.located(checkpoint.sorted_names.modules, base.names)
    except ShapeMismatch as problem:
        raise ShapeMismatch(f"'{task}' ({checkpoint.folder}): {problem}") from None


def _equal(base: Checkpoint, checkpoint: Checkpoint, name: str, stored: str) -> bool:
    """Whether a copy equals the base's tensor, in the base's dtype; read in pieces."""
    ours, theirs = base.weights.stored(name), checkpoint.weights.stored(stored)
    if ours.entry.shape != theirs.entry.shape:
        return False
    cuts = (slice(start, stop) for start, stop in pieces(ours.numel()))
    return all(ours[cut].equal(theirs[cut].to(ours.dtype)) for cut in cuts)


def layout_notes(base: Checkpoint, checkpoint: Checkpoint, shared: dict[str, str]) -> list[str]:
    """What is said of square layers whose layout the base and the adapter's options tell apart."""
    modules = checkpoint.sorted_names.modules
    square = [
        name for name, key in shared.items()
        if isinstance(module := modules[key], LoraModule) and not module.embedding
        and base.turned not in (None, module.fan_in_fan_out)
        and len({*base.weights.entries[name].shape}) == 1
    ]  # fmt: skip
    if not square:
        return []
    stored = "(in, out)" if base.turned else "(out, in)"
    return [
        f"fan_in_fan_out in its options is not what the base's layers show: {len(square)} square "
        f"ones ({square[0]}, …) are read as {stored}, as PEFT would."
    ]


def _explain(
    base: Checkpoint, task: str, checkpoint: Checkpoint, missing: list[str], prefix: str
) -> None:
    """Refuse by its own cause what has one: a head that the base lacks, a bias that it lacks."""
    assert checkpoint.adapter is not None
    plain = [name.removeprefix(prefix) for name in missing]
    heads = [name for name in plain if set(name.split(".")) & {*_HEADS}]
    if heads and len(heads) == len(plain):
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on {_some(heads)}, a "
            "head that the base does not hold (it has none, or ties it to the embedding); merge "
            "the adapter into its base and use the full model instead."
        )
    shapes = base.shapes
    stacked = {name.rpartition(".")[0] for name in base.names if len(shapes[name]) == 3}
    fused = [path for name in plain if (path := name.removesuffix(".weight")) in stacked]
    if fused:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on parameters of "
            f"{_some(fused)} itself (target_parameters: fused experts), which is not supported; "
            "merge the adapter into its base and use the full model instead."
        )
    biases = [name for name in plain if name.endswith(".bias")]
    if biases and len(biases) == len(plain):
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains biases (lora_bias) of {_some(biases)}, but the "
            "base's layers have no bias; PEFT cannot merge them either."
        )


def _absent(wanted: Iterable[str], prefix: str, names: set[str]) -> list[str]:
    return [n for n in wanted if not n.startswith(prefix) or n[len(prefix) :] not in names]


def _some(items: list[str]) -> str:
    return ", ".join(items[:_EXAMPLES]) + (", …" if len(items) > _EXAMPLES else "")
