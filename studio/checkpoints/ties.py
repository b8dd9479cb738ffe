"""Tensors that are one by the class's word: stored once, as equal copies, or trained apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.frame import Frame
from studio.checkpoints.names import Names, named
from studio.checkpoints.vectors import pieces
from studio.checkpoints.weights import Weights


@dataclass(frozen=True)
class Tied:
    """The tied tensors of a base, and what one checkpoint holds of them.

    Attributes:
        copies: stored names of the base's that are equal to another one and are written once.
        shared: ``{name in memory of the base's: stored name}`` of what is merged as one.
        twins: ``{name: (stored name, stored name of the base's that it was tied to)}`` of tensors
            that the checkpoint has trained apart, so that a merge holds both.
        taken: stored names that are accounted for.
        lacking: names of the base's of which the checkpoint holds none.
        notes: a sentence each.
    """

    copies: tuple[str, ...]
    shared: Mapping[str, str]
    twins: Mapping[str, tuple[str, str]]
    taken: frozenset[str]
    lacking: tuple[str, ...]
    notes: tuple[str, ...]


def tied(ours: Names, theirs: Names, frame: Frame) -> Tied:
    """What a checkpoint holds of the base's tied tensors.

    Where the base stores unequal tensors under tied names, they are not tied, as in transformers.
    """
    copies: list[str] = []
    shared: dict[str, str] = {}
    twins: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    lacking, notes = [], []
    for group in _groups(ours):
        held = [name for name in group.values() if name in ours.stored]
        if not held:
            continue
        if not _equal(ours.weights, [ours.stored[name] for name in held]):
            notes.append(
                f"The base stores {' and '.join(held)} apart, although its class ties them: each "
                "is merged by itself."
            )
            continue
        first, *others = held
        copies += [ours.stored[name] for name in others]
        found = _found(group, theirs, frame)
        taken |= {*found.values()}
        if not found:
            lacking += [name for name in held if _is_asked(name, ours, theirs, frame)][:1]
            continue
        main = found.get(first) or next(iter(found.values()))
        shared[first] = main
        for name, stored in found.items():
            if not _equal(theirs.weights, [main, stored]):
                twins[name] = stored, ours.stored[first]
                notes.append(
                    f"Its {name} is trained apart from {ours.stored[first]}, to which the base "
                    "ties it: a merge holds both, and its configuration says so."
                )
    return Tied(tuple(copies), shared, twins, frozenset(taken), tuple(lacking), tuple(notes))


def _is_asked(name: str, ours: Names, theirs: Names, frame: Frame) -> bool:
    """Whether a checkpoint must hold one of the base's tensors, as ``Frame.missing`` has it."""
    own = frame.own_name(name)
    return own is not None and ours.required(name) and not theirs.unknown(own)


def members(base: Checkpoint) -> dict[str, str]:
    """``{name: base name}`` of all that a base's class ties, and where its file has it.

    A configuration unties all of them at once, so that each must be written then.
    """
    ours = named(base, base)
    found: dict[str, str] = {}
    for group in _groups(ours):
        held = [ours.stored[name] for name in group.values() if name in ours.stored]
        if held and _equal(ours.weights, held):
            named_so = {ours.stored.get(name, name) for name in group.values()}
            found |= {name: held[0] for name in named_so if name != held[0]}
    return found


def adapter_ties(
    ours: Names, trained: Sequence[dict[str, str]], whole: Collection[str], along: bool
) -> tuple[dict[str, tuple[str | None, str]], list[str]]:
    """What an adapter trains apart of the base's tied tensors, as PEFT puts it on.

    A module that PEFT saves whole is no longer tied to anything: what it was tied to keeps the
    base's numbers. Factors are added in place, so that all that is tied moves with them.

    Args:
        ours: names of the base.
        trained: ``{base name: stored name or module}`` of factors, of what is trained whole, and
            of what the base's file lacks; what is trained apart is taken out.
        whole: base names, before that, of what is trained whole.
        along: whether the options tie what is saved whole again (``ensure_weight_tying``).

    Returns:
        Twins, see ``Join``, and notes.
    """
    twins: dict[str, tuple[str | None, str]] = {}
    notes = []
    for group in _groups(ours):
        held = [ours.stored[name] for name in group.values() if name in ours.stored]
        if not held or not _equal(ours.weights, held):
            continue
        first, names = held[0], {ours.stored.get(name, name) for name in group.values()}
        for name in sorted(names - {first}):
            part = next((each for each in trained if name in each), None)
            if part is not None:
                twins[name] = part.pop(name), first
            elif first in whole and not along:
                twins[name] = None, first
        if any(first in each for each in trained) and first not in whole and not twins:
            notes.append(
                f"{first} is tied to {min(names - {first})}, which moves with it, as PEFT merges "
                "it; unmerged, PEFT moves the one alone that the adapter names."
            )
        if twins:
            notes.append(
                f"{first} and {', '.join(sorted(twins))} are tied in the base and no longer: a "
                "merge holds each, and its configuration says so."
            )
    return twins, notes


def without_copies(base: Checkpoint) -> Checkpoint:
    """A base as a merge is written that unties nothing: each tied tensor once."""
    copies = base_copies(named(base, base))
    return replace(base, weights=base.weights.seen({}, copies)) if copies else base


def one_tensor(ours: Names) -> dict[str, str]:
    """``{name: stored name}`` of all that is one tensor with one that the base stores."""
    found: dict[str, str] = {}
    for group in _groups(ours):
        held = [ours.stored[name] for name in group.values() if name in ours.stored]
        if held and _equal(ours.weights, held):
            found |= dict.fromkeys((*group, *group.values()), held[0])
    return found


def base_copies(ours: Names) -> tuple[str, ...]:
    """Stored names of the base's that are equal to another one that they are tied to."""
    found: list[str] = []
    for group in _groups(ours):
        held = [ours.stored[name] for name in group.values() if name in ours.stored]
        if len(held) > 1 and _equal(ours.weights, held):
            found += held[1:]
    return tuple(found)


def _groups(ours: Names) -> list[dict[str, str]]:
    """Per tied tensor of the base's class, ``{own name: name in the base's file}``."""
    if ours.base is None:
        return []
    groups: dict[str, dict[str, str]] = {}
    at = {ours.base.own(name): name for name in ours.stored}
    for name, source in ours.base.ties.items():
        group = groups.setdefault(source, {source: at.get(source, source)})
        group[name] = at.get(name, name)
    return list(groups.values())


def _found(group: Mapping[str, str], theirs: Names, frame: Frame) -> dict[str, str]:
    """``{name as the base's file has it: stored name}`` of a group's members that are there."""
    found = {}
    for own, name in group.items():
        for each in (frame.own_name(name) or "", name, own):
            if each in theirs.stored:
                found[name] = theirs.stored[each]
                break
    return found


def _equal(weights: Weights, stored: list[str]) -> bool:
    """Whether tensors are the same: in bits, or of two dtypes, as the narrower one rounds them."""
    entries = [weights.entries[name] for name in dict.fromkeys(stored)]
    if len(entries) == 1:
        return True
    if len({entry.shape for entry in entries}) > 1:
        return False
    if len({entry.code for entry in entries}) > 1:
        return all(entry.floating for entry in entries) and _rounded_equal(weights, stored)
    return len({weights.sha256(name) for name in dict.fromkeys(stored)}) == 1


def _rounded_equal(weights: Weights, stored: list[str]) -> bool:
    """Whether tensors of one shape are equal in the narrowest of their dtypes; read in pieces."""
    first, *others = sorted(
        map(weights.stored, dict.fromkeys(stored)), key=lambda each: each.dtype.itemsize
    )
    cuts = [slice(start, stop) for start, stop in pieces(first.numel())]
    return all(first[cut].equal(each[cut].to(first.dtype)) for each in others for cut in cuts)
