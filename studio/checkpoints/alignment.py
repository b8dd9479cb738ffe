"""How a checkpoint's tensors correspond to the base's: names, ties, heads, private tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.checkpoints.adapter import Module
from studio.checkpoints.adapter_checks import (
    check_modules,
    layout_notes,
    refuse_vocabulary,
    take_copies,
)
from studio.checkpoints.adapter_fit import fitted, refuse_odd, targets
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.empty import refuse_empty
from studio.checkpoints.frame import Frame, frames
from studio.checkpoints.fused import fused_notes, one_by_one, refuse_fused
from studio.checkpoints.matched_modules import module_heights, with_matched
from studio.checkpoints.matched_rows import Matched, matched, row_counts
from studio.checkpoints.names import Names, is_head, named
from studio.checkpoints.other_heads import take_other_heads
from studio.checkpoints.quantized import refuse_quantized
from studio.checkpoints.sentence_modules import module_notes
from studio.checkpoints.settings import settings_notes
from studio.checkpoints.stored_names import ROOT
from studio.checkpoints.ties import Tied, adapter_ties, tied
from studio.errors import BadCheckpoint, ShapeMismatch, some

_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Join:
    """One checkpoint laid over the base.

    Attributes:
        prefix: what the checkpoint puts before the base's names.
        shared: {base name: stored name}; for a module with factors, its path.
        private: {name without prefix: stored name} of tensors that are never merged.
        notes: what a user should know, a sentence each.
        twins: {name: (stored name, base name)} of tensors that the base ties to another one of
            its own and that this checkpoint has trained apart; None for one that keeps the base's
            numbers while the other moves.
        copies: base names of tensors that are equal to another one and are written once.
        modules: of an adapter, by the names that ``shared`` gives them.
        rows: where the rows of the base's vocabulary lie in it, if not each in its place.
    """

    prefix: str
    shared: dict[str, str]
    private: dict[str, str]
    notes: tuple[str, ...]
    twins: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    modules: Mapping[str, Module] = field(default_factory=dict)
    rows: Matched | None = None


def join(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Join:
    """Lay a checkpoint over its base, as transformers and PEFT would.

    Raises:
        ShapeMismatch: they do not share an architecture; lists names or shapes.
        BadCheckpoint: the prefix is not unique, a tensor would be merged and must not be, or
            weights are quantized.
    """
    if base.adapter is not None:
        raise BadCheckpoint(f"The base {base.folder} is an adapter; it must be a full model.")
    refuse_quantized(base)
    if checkpoint.adapter is None:
        refuse_quantized(checkpoint)
    checkpoint = one_by_one(base, checkpoint)
    joining = _join_full if checkpoint.adapter is None else _join_adapter
    found = joining(base, task, checkpoint)
    refuse_empty(f"'{task}'", checkpoint, found.private.values())
    return found


def _join_full(base: Checkpoint, task: str, checkpoint: Checkpoint) -> Join:
    ours, theirs = named(base, base), named(checkpoint, base)
    required = [name for name in ours.stored if ours.required(name)]
    if not required:
        raise BadCheckpoint(
            f"The base {base.folder} holds {len(base.names)} tensors, none of which can be merged: "
            "heads, poolers and counters alone are no model."
        )
    frame = _frame(task, checkpoint, ours, theirs, required)
    ties = tied(ours, theirs, frame)
    if ties.lacking:
        raise _lacking(task, checkpoint, ours, ties.lacking, required)
    shared = dict(ties.shared)
    for name in ours.stored:
        stored = theirs.stored.get(frame.own_name(name) or "")
        if stored and stored not in ties.taken and not is_head(name) and not ours.unread(name):
            shared[name] = stored
    copies = dict.fromkeys((name for name, at in ours.stored.items() if at in ties.copies), "")
    own_ties = theirs.tied_apart(ours, frame, shared | copies)
    shared |= own_ties
    taken = {*shared.values(), *ties.taken}
    private, unread = _private(task, checkpoint, ours, theirs, frame, taken)
    notes = [
        *_renamed(ours, frame, shared),
        *_kept(ours, frame, shared, ties),
        *fused_notes(checkpoint),
        *settings_notes(base, checkpoint),
        *module_notes(base, checkpoint),
        *ties.notes,
        *unread,
    ]
    notes += [f"Its {name} is its {stored}, by its class." for name, stored in own_ties.items()]
    at = {ours.stored[name]: stored for name, stored in sorted(shared.items())}
    notes += take_other_heads(ours, checkpoint, at, private)
    apart = [(name, stored) for stored, name in ties.twins.values()]
    heights = row_counts(base, checkpoint, [*at.items(), *apart])
    rows, told = matched(base, task, checkpoint, heights)
    notes += [*told, *_check_pairs(base, task, checkpoint, at, rows)]
    at = {name: stored for name, stored in at.items() if base.weights.entries[name].floating}
    return Join(frame.prefix, at, private, tuple(notes), ties.twins, ties.copies, rows=rows)


def _frame(
    task: str, checkpoint: Checkpoint, ours: Names, theirs: Names, required: list[str]
) -> Frame:
    """The one frame in which all that must be there is there.

    Raises:
        BadCheckpoint: there are several.
        ShapeMismatch: there is none; names what the best one lacks.
    """
    mergeable = [name for name in ours.stored if not is_head(name)]
    asked = [name for name in required if not ours.is_tied(name)]
    found = frames(mergeable, asked, theirs.stored, theirs.unknown)
    complete = [f for f in found if not f.missing and _is_most(f, theirs)]
    best = [f for f in complete if f.matched == complete[0].matched]
    if len(best) == 1:
        return best[0]
    if best:
        sides = [f.prefix for f in best]
        sides = sides if len({*sides}) > 1 else [f.inside for f in best]
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) holds the base's tensors {len(best)} times, under "
            f"{' and '.join(map(repr, sorted(sides)))}; it is not clear which to merge."
        )
    missing = next((f.missing for f in found if f.missing and not f.inside), tuple(asked))
    refuse_fused(task, checkpoint, ours, theirs, missing)
    raise _lacking(task, checkpoint, ours, missing, required)


def _is_most(frame: Frame, theirs: Names) -> bool:
    """Whether a frame is not just a corner in which two models look alike."""
    return not frame.inside or 2 * frame.matched >= len(theirs.stored)


def _lacking(
    task: str, checkpoint: Checkpoint, ours: Names, missing: tuple[str, ...], required: list[str]
) -> ShapeMismatch:
    return ShapeMismatch(
        f"'{task}' ({checkpoint.folder}) lacks {len(missing)} of the base's {len(required)} "
        f"tensors: {some([ours.stored[name] for name in missing])}. Both must come from the same "
        "base model; if only the names differ, save both with the same transformers class."
    )


def _private(
    task: str, checkpoint: Checkpoint, ours: Names, theirs: Names, frame: Frame, taken: set[str]
) -> tuple[dict[str, str], list[str]]:
    """What belongs to a head, by its name without the prefix, and words on what nobody reads."""
    private: dict[str, str] = {}
    odd, unread = [], []
    firsts = {name.split(".")[0] for name in ours.stored}
    for name, stored in theirs.stored.items():
        if stored in taken:
            continue
        bare = name.removeprefix(frame.prefix)
        if theirs.unread(name) or (bare in ours.stored and ours.unread(bare)):
            unread.append(stored)
            continue
        if bare in ours.stored and not is_head(bare):
            raise BadCheckpoint(
                f"'{task}' ({checkpoint.folder}) holds {bare} both as {stored} and as "
                f"{frame.own_name(bare)}; it is not clear which to merge."
            )
        if theirs.of_head(name, frame.prefix, firsts):
            plain = stored.removeprefix(frame.prefix).removeprefix(theirs.body)
            _keep(private, plain, stored, task, checkpoint)
        elif theirs.unknown(name):
            unread.append(stored)
        else:
            odd.append(stored)
    _refuse_deeper(task, ours, [*odd, *private.values()], frame)
    if odd:
        raise ShapeMismatch(
            f"'{task}' ({checkpoint.folder}) holds {some(odd)}, which neither the base has nor a "
            "head of its own. A merge would lose it; both must be of the same class."
        )
    return private, _unread(unread)


def _unread(names: list[str]) -> list[str]:
    """A note on what is left out, if anything is."""
    if not names:
        return []
    return [f"{len(names)} tensors that its class does not read are left out: {some(names)}."]


def _keep(
    private: dict[str, str], name: str, stored: str, task: str, checkpoint: Checkpoint
) -> None:
    if name in private:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) holds {name} both as {stored} and as {private[name]}; "
            "it is not clear which to keep."
        )
    private[name] = stored


def _renamed(ours: Names, frame: Frame, shared: Mapping[str, str]) -> list[str]:
    """What is read under another name than it is stored by, beside the prefix."""
    moved = [
        (stored, ours.stored[name])
        for name, stored in sorted(shared.items())
        if stored.removeprefix(frame.prefix) != ours.stored[name].removeprefix(frame.inside)
    ]
    if not moved:
        return []
    stored, name = moved[0]
    return [f"{len(moved)} tensors have other names in it: {stored} is the base's {name}, …"]


def _kept(ours: Names, frame: Frame, shared: Mapping[str, str], ties: Tied) -> list[str]:
    """What of the base stays as it is."""
    absent = [
        stored
        for name, stored in ours.stored.items()
        if name not in shared and not is_head(name) and stored not in ties.copies
    ]
    notes = []
    if frame.inside:
        notes.append(f"It is the base's '{frame.inside[:-1]}' alone.")
    if absent:
        notes.append(f"{len(absent)} tensors of the base are not in it ({absent[0]}, …): kept.")
    return notes


def _refuse_deeper(task: str, ours: Names, extra: list[str], frame: Frame) -> None:
    """A tensor in a numbered layer that the base lacks means a deeper model."""
    patterns = {re.sub(r"\d+", "#", name) for name in ours.stored if not is_head(name)}
    names = sorted(stored.removeprefix(frame.prefix) for stored in extra)
    deeper = [
        name for name in names if re.search(r"\d", name) and re.sub(r"\d+", "#", name) in patterns
    ]
    if deeper:
        raise ShapeMismatch(
            f"'{task}' has {len(deeper)} tensors in layers that the base does not have: "
            f"{some(deeper)}. Both must come from the same base model."
        )


def _check_pairs(
    base: Checkpoint, task: str, checkpoint: Checkpoint, shared: dict[str, str],
    rows: Matched | None,
) -> list[str]:  # fmt: skip
    """Refuse pairs that differ in shape or kind; integer buffers must be the base's."""
    shared = {name: at for name, at in shared.items() if not rows or at not in rows.names}
    refuse_vocabulary(base, task, checkpoint, shared)
    wrong, counters = [], 0
    entries = base.weights.entries, checkpoint.weights.entries
    apart = {a: b for a, b in shared.items() if entries[0][a].shape != entries[1][b].shape}
    refuse_empty(f"'{task}'", checkpoint, apart.values())
    refuse_empty("The base", base, apart)
    for name, stored in shared.items():
        ours, theirs = base.weights.entries[name], checkpoint.weights.entries[stored]
        if ours.shape != theirs.shape:
            wrong.append(f"{name} {theirs.shape} instead of {ours.shape}")
        elif ours.floating != theirs.floating:
            wrong.append(f"{name} {theirs.code} instead of {ours.code}")
    if wrong:
        raise ShapeMismatch(
            f"'{task}' ({checkpoint.folder}) differs from the base in {len(wrong)} tensors: "
            f"{some(wrong)}. Both must come from the same base model."
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
    fit = fitted(base, task, checkpoint)
    shared, modules = targets(task, checkpoint, fit)
    if heads := [name for name in shared if is_head(name)]:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains {checkpoint.adapter.part} on {some(heads)}, a "
            "head, which is never merged; merge the adapter into its base and use the full model "
            "instead."
        )
    whole, private, odd, unread = fit.sorted_others(checkpoint)
    notes = [*checkpoint.sorted_names.notes, *fit.notes, *layout_notes(base, shared, modules)]
    notes += take_other_heads(fit.ours, checkpoint, whole, private)
    heights = module_heights(base, checkpoint, shared, modules)
    heights |= row_counts(base, checkpoint, [*whole.items(), *fit.beside(shared, private)])
    rows, told = matched(base, task, checkpoint, heights)
    modules = with_matched(task, checkpoint, modules, rows)
    check_modules(base, task, checkpoint, shared, modules)
    notes += [*told, *_unread(unread)]
    notes += take_copies(base, task, checkpoint, private, fit.copied(shared, private), rows)
    _refuse_deeper(task, fit.ours, [*private, *odd], Frame("", "", 0, ()))
    refuse_odd(task, checkpoint, odd)
    notes += _check_pairs(base, task, checkpoint, whole, rows)
    whole = {name: at for name, at in whole.items() if base.weights.entries[name].floating}
    if both := sorted({*shared} & {*whole}):
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) holds {some(both)} whole and as "
            f"{checkpoint.adapter.part}; it is not clear which to merge."
        )
    notes += _unprefixed(checkpoint, whole)
    if whole:
        besides = f", not as {checkpoint.adapter.part}" if shared else ""
        notes.append(f"{len(whole)} tensors are trained whole ({min(whole)}, …){besides}.")
    along = checkpoint.adapter_config.get("ensure_weight_tying") is True
    twins, told = adapter_ties(fit.ours, (shared, whole, private), [*whole], along)
    notes += told
    return Join(
        fit.frame.prefix, shared | whole, private, tuple(notes), twins, fit.copies, modules, rows
    )


def _unprefixed(checkpoint: Checkpoint, whole: Mapping[str, str]) -> list[str]:
    """A note on what is trained whole under names that PEFT does not read, if anything is."""
    bare = [stored for stored in whole.values() if ROOT not in stored]
    if not bare or not any(ROOT in name for name in checkpoint.names):
        return []
    return [
        f"{len(bare)} of its tensors ({bare[0]}, …) have no '{ROOT}' before their names, so PEFT "
        "does not read them: they are merged, and compared with nothing."
    ]
