"""What was written is read again: headers as planned, bytes as computed, and what they change."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from studio.checkpoints.architecture import Architecture, architecture_of
from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.parameters import Part, stacked
from studio.checkpoints.stored import CODES
from studio.checkpoints.vectors import pieces
from studio.checkpoints.weights import Weights
from studio.disk.cache import cache_key, keep, recall
from studio.errors import BadCheckpoint
from studio.measure.score_cache import code_digest
from studio.merge import Merge
from studio.tasks.pretrained import load_pretrained
from studio.tasks.random_input import TOLERANCE, answers, apart, random_input


def read_back(work: Path, merge: Merge, root: str) -> tuple[int, int]:
    """Compare a written model with what was planned and computed.

    Args:
        work: folder of the model.
        merge: that it was written from.
        root: weights root of what was computed.

    Returns:
        How many tensors differ from the base, of how many.

    Raises:
        BadCheckpoint: a header or the bytes are others.
    """
    written = open_checkpoint(work).weights
    planned = {
        name: (CODES[merge.output_dtype(name)], merge.union.shape(name))
        for name in merge.base.names
    }
    found = {name: (entry.code, entry.shape) for name, entry in written.entries.items()}
    wrong = sorted(name for name in {*planned, *found} if planned.get(name) != found.get(name))
    if wrong:
        raise BadCheckpoint(
            f"The written model's headers differ from the plan in {len(wrong)} tensors, first "
            f"{wrong[0]}; nothing was kept."
        )
    if written.root != root:
        raise BadCheckpoint(
            f"The disk gave back other bytes than were computed (weights root {written.root[:12]}… "
            f"in place of {root[:12]}…); nothing was kept. Check the disk and export again."
        )
    changed = {*merge.changed, *merge.union.heights}
    return sum(_differs(written, merge, name) for name in changed), len(found)


def answers_again(work: Path, merge: Merge) -> str:
    """Reopen a written model by its own class, and compare its answers with what was computed.

    Those are the answers of the base, as transformers opens it, with the computed tensors put in
    the place of its own. A class is compared once on each base; two models are loaded in turn.

    Args:
        work: folder of the model, whose bytes are those that were computed.
        merge: that it was written from.

    Returns:
        A sentence on what was found; empty if the class was compared before, or is not known.

    Raises:
        BadCheckpoint: the answers differ, or the class does not open the folder.
    """
    base, written = merge.base, open_checkpoint(work)
    ours, own = architecture_of(base), architecture_of(written)
    if ours is None or own is None:
        return ""
    twins = any(join.twins for join in merge.deltas.joins)
    rows = max(merge.union.heights.values(), default=0)
    kind = f"{own.model_class} {twins} {sorted(written.names)}" + (f" {rows}" if rows else "")
    key = cache_key("reopened 1", base.digest, kind, str(merge.recipe.dtype), code_digest())
    if recall(key) is not None:
        return ""
    model = load_pretrained(written, own.model_class)
    given = random_input(model)
    after = answers(model, given) if given else None
    if not given or not after:
        return f"{own.model_class} takes no random input that is known, so no answers are compared"
    computed = None if twins else _computed(base, ours, written, model, rows)
    if computed is None:
        return f"{own.model_class} was reopened, and answers; the base's class cannot hold the same"
    before = answers(computed, given) or []
    found = apart(before, after)
    if not found <= TOLERANCE:
        raise BadCheckpoint(
            f"The written model, opened by {own.model_class}, answers otherwise than what was "
            f"computed: by {found:.2g} of the largest value, on random input. It was removed; "
            "please report it with the name of the base."
        )
    keep(key, b"equal")
    return f"{own.model_class}, reopened, answers random input as was computed, to {found:.1e}"


def _computed(
    base: Checkpoint, ours: Architecture, written: Checkpoint, reopened: nn.Module, rows: int
) -> nn.Module | None:
    """The base with the written tensors in it; None if it cannot hold one of them.

    It has so many ``rows`` of vocabulary, 0 for its own number. What no file stores, such as a
    pooler that transformers draws anew, is the reopened model's.
    """
    model: Any = load_pretrained(base, ours.model_class)
    if rows:
        model.resize_token_embeddings(rows, mean_resizing=False)
    places: dict[str, Tensor] = model.state_dict()
    stored: set[str] = set()
    parts = stacked(base)
    for name, entry in written.weights.entries.items():
        own, part = parts.get(name) or (ours.own(ours.name(name)), Part())
        if own in places and (place := part.of(places[own])).shape == entry.shape:
            place.copy_(written.tensor(name))
            stored |= ours.group(own) or {own}
        elif ours.reads(ours.name(name)):
            return None  # a part of a tensor that transformers puts together
    for name, values in reopened.state_dict().items():
        if name not in stored and name in places and places[name].shape == values.shape:
            places[name].copy_(values)
    return model


def _differs(written: Weights, merge: Merge, name: str) -> bool:
    """Whether a tensor has other numbers than the base's; reading stops at the first."""
    ours, base = written.stored(name), merge.base.weights.stored(name)
    return ours.numel() != base.numel() or any(
        not ours[start:stop].double().equal(base[start:stop].double())
        for start, stop in pieces(ours.numel())
    )
