"""The register: checkpoints that were certified as removed, and how they are known again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import NotAllowed, Remedy
from studio.evidence.ledger.events import CERTIFICATE, OVERRIDE
from studio.evidence.ledger.fingerprint import (
    UNSALTED,
    Scheme,
    made_of,
    salted,
    scheme_id,
    sketch,
)
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import Lineage, held_in, lineage_of
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.salt import SALT, salt_of
from studio.evidence.wording import ALGEBRAIC

Allowed = bool | Collection[str]
"""Whether removed checkpoints may be merged: all, none, or those of these removals, by ``id``."""
THE_BASE = "the base"


@dataclass(frozen=True)
class Removed:
    """A checkpoint that was certified as removed.

    Attributes:
        task: what it was called.
        digest: of the checkpoint.
        root: its weights root; empty if only its receipt was at hand.
        time: of the certificate, UTC.
        fingerprint: of its change of the base; empty in logs of a studio before this one.
        failed: whether the certificate did not pass; the task was taken out all the same.
        certificate: its digest.
    """

    task: str
    digest: str
    root: str
    time: str
    fingerprint: str = ""
    failed: bool = False
    certificate: str = ""

    @property
    def id(self) -> str:
        """Of this removal: who lets the checkpoint in again does so until the next one."""
        return f"{self.root} {self.certificate}"

    @property
    def how(self) -> str:
        """How it was removed, and when."""
        how = "taken out by a certificate that failed" if self.failed else "certified as removed"
        return f"{how} on {self.time[:10]}"

    @property
    def words(self) -> str:
        """The same, and what it was called then."""
        return f"{self.how} (then called '{self.task}')"


@dataclass(frozen=True)
class Register:
    """All that a ledger knows of removed checkpoints.

    Attributes:
        removed: see ``removed``.
        lineage: see ``lineage_of``.
        schemes: by which fingerprints can be compared here.
    """

    removed: tuple[Removed, ...]
    lineage: Lineage
    schemes: tuple[Scheme, ...]

    def known(self, deltas: Deltas) -> dict[str, Removed]:
        """Tasks that were certified as removed: by their weights, their lineage, or their change.

        Changes are compared on any base, since one that was touched would hide them otherwise, and
        also put together, since a removed change may come back in pieces.
        """
        found: dict[str, Removed] = {}
        if not self.removed:
            return found
        for name, checkpoint in zip(deltas.tasks, deltas.checkpoints, strict=True):
            own = self.of(checkpoint)
            found |= {name: own[-1]} if own else {}
        for scheme in self.schemes:
            here = [x for x in self.removed if x.fingerprint and _made_by(x, scheme)]
            names = [name for name in deltas.tasks if name not in found] if here else []
            sketches = {name: sketch(deltas, name, scheme) for name in names}
            for each in reversed(here):
                for name in made_of(each.fingerprint, sketches):
                    found.setdefault(name, each)
        return found

    def of(self, source: Checkpoint) -> list[Removed]:
        """What a task's or a base's weights are, or were merged from: the last removal of each."""
        if not self.removed:
            return []
        root, inside = source.weights.root, {source.digest} | held_in(source, self.lineage)
        last = {(x.root, x.digest): x for x in self.removed if x.root == root or x.digest in inside}
        return sorted(last.values(), key=lambda each: each.time)

    def how(self, name: str, gone: Removed, known: Mapping[str, Removed], deltas: Deltas) -> str:
        """How a task, or the base if it has no name, is a removed checkpoint: a sentence's start.

        Args:
            name: of the task.
            gone: the removed checkpoint.
            known: see ``known``.
            deltas: of the tasks.
        """
        source = deltas.checkpoints[deltas.tasks.index(name)] if name else deltas.base
        who = f"'{name}'" if name else "The base"
        if source.weights.root == gone.root or source.digest == gone.digest:
            return f"{who} is"
        if gone.digest in held_in(source, self.lineage):
            return f"{who} was merged from"
        others = [f"'{each}'" for each, of in known.items() if of == gone and each != name]
        beside = f", alone or together with {' and '.join(others)}," if others else ""
        return f"{who}{beside} changes the base as"


def register_of(ledger: Ledger) -> Register:
    """What a ledger knows of removed checkpoints; nothing more is read if there are none.

    Raises:
        BadLedger: the log was edited, or its salt is damaged.
    """
    gone = tuple(removed(ledger))
    if not gone:
        return Register((), {}, ())
    salt = salt_of(ledger)
    schemes = (UNSALTED, salted(salt)) if salt else (UNSALTED,)
    return Register(gone, lineage_of(ledger), schemes)


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
                    content["verdict"] == "fail", content["certificate"],
                )
                for gone in content["removed"]
            ]  # fmt: skip
    return found


def unsalted_words(ledger: Ledger) -> list[str]:
    """A sentence on removed changes that were fingerprinted with another salt, if there are any."""
    register = register_of(ledger)
    told = [each for each in register.removed if each.fingerprint]
    lost = [x.task for x in told if not any(_made_by(x, each) for each in register.schemes)]
    if not lost:
        return []
    return [
        f"The fingerprint of what {', '.join(lost)} changed was made with a salt that is not "
        f"here ({SALT}), as in a ledger that was copied without it: it is known by weights and "
        "lineage alone, and in other clothes it would be let in. Put the file back."
    ]


def refuse_removed(
    ledger: Ledger, deltas: Deltas, allowed: Allowed = False, key: SigningKey | None = None
) -> None:
    """Refuse checkpoints that were certified as removed, and a base that is or holds one.

    Reads the checkpoints' weights if the register is not empty.

    Args:
        ledger: whose certificates count.
        deltas: of what would be merged.
        allowed: True lets every removed checkpoint in, and logs that; or those of these removals,
            by ``id``, that were let in before.
        key: signs what is logged.

    Raises:
        NotAllowed: naming the task and when it was removed.
    """
    register = register_of(ledger)
    if not register.removed:
        return
    known = register.known(deltas)
    of_base = [("", each) for each in register.of(deltas.base)]
    for name, gone in (*known.items(), *of_base):
        if not isinstance(allowed, bool) and gone.id in allowed:
            continue
        if allowed is not True:
            how = register.how(name, gone, known, deltas)
            raise NotAllowed(f"{how} the checkpoint that was {gone.words}.", Remedy.LET_IT_IN)
        log_override(ledger, name or THE_BASE, gone, key)


def log_override(ledger: Ledger, task: str, gone: Removed, key: SigningKey | None = None) -> None:
    """Log that a removed checkpoint was let in again, under a name."""
    ledger.append(OVERRIDE, {"task": task, "weights_root": gone.root, "removed": gone.time}, key)


def _made_by(gone: Removed, scheme: Scheme) -> bool:
    return scheme_id(gone.fingerprint) == scheme.id
