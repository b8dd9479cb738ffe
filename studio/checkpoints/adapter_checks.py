"""Whether what an adapter trains fits the base's tensors: shapes, copies, vocabulary, layout."""

from collections.abc import Mapping

from studio.checkpoints.adapter import Module
from studio.checkpoints.architecture import turned
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.lora import LoraModule
from studio.checkpoints.matched_rows import Matched, MatchedRows, speaks_of_tokens
from studio.checkpoints.tokens import TokenRows
from studio.checkpoints.vectors import pieces
from studio.checkpoints.vocabulary import CONVERT, WHOLE, unread_file, vocabulary_digest
from studio.errors import ShapeMismatch


def check_modules(
    base: Checkpoint, task: str, checkpoint: Checkpoint, shared: dict[str, str],
    modules: Mapping[str, Module],
) -> None:  # fmt: skip
    """Refuse modules whose tensors do not fit the base's.

    Raises:
        ShapeMismatch: naming shapes, or a head that was tied where the adapter was trained.
    """
    shapes = checkpoint.shapes
    for name, key in shared.items():
        entry, module = base.weights.entries[name], modules[key]
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
    base: Checkpoint, task: str, checkpoint: Checkpoint, private: dict[str, str],
    copies: Mapping[str, str], rows: Matched | None,
) -> list[str]:  # fmt: skip
    """Leave out the base's weights that PEFT saved below factors; returns a note on them.

    Args:
        base: the base.
        task: for words.
        checkpoint: the adapter.
        private: tensors that the base lacks; those that are left out are taken away.
        copies: ``{name among those: base name}``.
        rows: see ``Join``.

    Raises:
        ShapeMismatch: such a copy has other values or rows than the base's.
    """
    names = {copies[name]: private[name] for name in copies}
    matched = rows.names if rows else frozenset()
    refuse_vocabulary(base, task, checkpoint, {a: b for a, b in names.items() if b not in matched})
    for name, target in copies.items():
        stored = private.pop(name)
        if not _equal(base, checkpoint, target, stored, rows if stored in matched else None):
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
        alike = len(ours) == len(theirs) == 2 and ours[1] == theirs[1]
        if alike and ours[0] != theirs[0] and speaks_of_tokens(base, name):
            how = "cut" if theirs[0] < ours[0] else "extended: tokens were added"
            instead = (
                "save the adapter without its embedding layers if they were not trained"
                if checkpoint.adapter
                else "leave the added tokens out of this checkpoint"
            )
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) holds {name} with {theirs[0]:,} rows of "
                f"vocabulary; the base has {ours[0]:,}. Its vocabulary was {how}, and a new row "
                f"means another token in every checkpoint. {_lacking(base, checkpoint)} no "
                f"tokenizer beside the weights ({', '.join(WHOLE)}): put it there, and rows are "
                f"matched by token. {_unread(base, checkpoint)}Or resize the base's embeddings to "
                f"{theirs[0]:,} rows and save it, or {instead}."
            )


def _unread(base: Checkpoint, checkpoint: Checkpoint) -> str:
    """What is said of a tokenizer that lies there and is not read, with a space behind."""
    files = [file.name for each in (base, checkpoint) if (file := unread_file(each))]
    return f"A {files[0]} is not read. {CONVERT} " if files else ""


def _lacking(base: Checkpoint, checkpoint: Checkpoint) -> str:
    if vocabulary_digest(base):
        return "It has"
    return "The base has" if vocabulary_digest(checkpoint) else "Both have"


def layout_notes(
    base: Checkpoint, shared: dict[str, str], modules: Mapping[str, Module]
) -> list[str]:
    """What is said of square layers whose layout the base and the adapter's options tell apart."""
    square = [
        name for name, key in shared.items()
        if isinstance(module := modules[key], LoraModule) and not module.embedding
        and turned(base, name) not in (None, module.fan_in_fan_out)
        and len({*base.weights.entries[name].shape}) == 1
    ]  # fmt: skip
    if not square:
        return []
    stored = "(in, out)" if turned(base, square[0]) else "(out, in)"
    return [
        f"fan_in_fan_out in its options is not what the base's layers show: {len(square)} square "
        f"ones ({square[0]}, …) are read as {stored}, as PEFT would."
    ]


def _equal(
    base: Checkpoint, checkpoint: Checkpoint, name: str, stored: str, rows: Matched | None
) -> bool:
    """Whether a copy equals the base's tensor, in the base's dtype; read in pieces."""
    ours, theirs = base.weights.stored(name), checkpoint.weights.stored(stored)
    if rows is not None:
        delta, width = MatchedRows(ours, theirs, rows.places), ours.entry.shape[-1]
        cuts = pieces(ours.numel())
        return not any(delta.flat(*cut, width, ours.dtype).any() for cut in cuts)
    if ours.entry.shape != theirs.entry.shape:
        return False
    cuts = (slice(start, stop) for start, stop in pieces(ours.numel()))
    return all(ours[cut].equal(theirs[cut].to(ours.dtype)) for cut in cuts)
