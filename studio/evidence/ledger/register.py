"""The register: checkpoints that were certified as removed, and how they are known again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from studio.checkpoints.deltas import Deltas
from studio.errors import NotAllowed, Remedy
from studio.evidence.ledger.events import CERTIFICATE, OVERRIDE
from studio.evidence.ledger.fingerprint import fingerprint, made_of
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import Lineage, held_in, lineage_of
from studio.evidence.ledger.log import Ledger
from studio.evidence.wording import ALGEBRAIC

Allowed = bool | Collection[str]
"""Whether removed checkpoints may be merged: all, none, or those of these weights roots."""


@dataclass(frozen=True)
class Removed:
    """A checkpoint that was certified as removed.

    Attributes:
        task: what it was called.
        digest: of the checkpoint.
        root: its weights root.
        time: of the certificate, UTC.
        fingerprint: of its change of the base; empty in logs of a studio before this one.
    """

    task: str
    digest: str
    root: str
    time: str
    fingerprint: str = ""


def removed(ledger: Ledger) -> list[Removed]:
    """Checkpoints that this ledger's certificates removed; no demonstrations, no subtractions."""
    found = []
    for each in ledger.entries():
        content = each.content
        if each.event == CERTIFICATE and not content["demo"] and content["claim"] != ALGEBRAIC:
            found += [
                Removed(
                    gone["task"], gone["digest"], gone["weights_root"], each.time,
                    gone.get("fingerprint", "") if content["verdict"] != "fail" else "",
                )
                for gone in content["removed"]
            ]  # fmt: skip
    return found


def removed_before(
    register: Sequence[Removed], deltas: Deltas, lineage: Lineage
) -> dict[str, Removed]:
    """Tasks that were certified as removed: by their weights, their lineage, or their change.

    Changes are compared on any base, since one that was touched would hide them otherwise, and also
    put together, since a removed change may come back in pieces.

    Args:
        register: see ``removed``.
        deltas: of the tasks.
        lineage: see ``lineage_of``.
    """
    found: dict[str, Removed] = {}
    for name, checkpoint in zip(deltas.tasks, deltas.checkpoints, strict=True):
        digests = held_in(checkpoint, lineage)
        own = [x for x in register if x.root == checkpoint.weights.root or x.digest in digests]
        found |= {name: own[0]} if own else {}
    here = [each for each in register if each.fingerprint]
    others = deltas.tasks if here else ()
    sketches = {name: fingerprint(deltas, name) for name in others if name not in found}
    for each in here:
        for name in made_of(each.fingerprint, sketches):
            found.setdefault(name, each)
    return found


def refuse_removed(
    ledger: Ledger, deltas: Deltas, allowed: Allowed = False, key: SigningKey | None = None
) -> None:
    """Refuse checkpoints that were certified as removed, and a base that holds one.

    Reads the checkpoints' weights if the register is not empty.

    Args:
        ledger: whose certificates count.
        deltas: of what would be merged.
        allowed: True lets every removed checkpoint in, and logs that; or the weights roots of
            those that were let in before.
        key: signs what is logged.

    Raises:
        NotAllowed: naming the task and when it was removed.
    """
    register = removed(ledger)
    if not register:
        return
    lineage = lineage_of(ledger)
    known = removed_before(register, deltas, lineage)
    inside = held_in(deltas.base, lineage)
    of_base = [("", each) for each in register if each.digest in inside]
    for name, gone in (*known.items(), *of_base):
        if not isinstance(allowed, bool) and gone.root in allowed:
            continue
        if allowed is not True:
            how = how_known(name, gone, known, deltas, lineage)
            raise NotAllowed(
                f"{how} the checkpoint that was certified as removed on {gone.time[:10]} "
                f"(then called '{gone.task}').",
                Remedy.LET_IT_IN,
            )
        log_override(ledger, name or "the base", gone, key)


def how_known(
    name: str, gone: Removed, known: Mapping[str, Removed], deltas: Deltas, lineage: Lineage
) -> str:
    """How a task, or the base if it has no name, is a removed checkpoint: a sentence's start.

    Args:
        name: of the task.
        gone: the removed checkpoint.
        known: see ``removed_before``.
        deltas: of the tasks.
        lineage: see ``lineage_of``.
    """
    if not name:
        return "The base was merged from"
    checkpoint = deltas.checkpoints[deltas.tasks.index(name)]
    if checkpoint.weights.root == gone.root:
        return f"'{name}' is"
    if gone.digest in held_in(checkpoint, lineage):
        return f"'{name}' was merged from"
    others = [f"'{each}'" for each, of in known.items() if of == gone and each != name]
    beside = f", alone or together with {' and '.join(others)}," if others else ""
    return f"'{name}'{beside} changes the base as"


def log_override(ledger: Ledger, task: str, gone: Removed, key: SigningKey | None = None) -> None:
    """Log that a removed checkpoint was let in again, under a name."""
    ledger.append(OVERRIDE, {"task": task, "weights_root": gone.root, "removed": gone.time}, key)
