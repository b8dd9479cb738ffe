"""Copies: which exports this ledger knows, what they hold, and which were recalled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.errors import BadLedger
from studio.evidence.ledger.events import CERTIFICATE, EXPORT, ORPHAN, RECALLED
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import held, lineage_in
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.places import PLACES, damaged_places, known_places, lies_in


@dataclass(frozen=True)
class Copy:
    """An export that the ledger knows.

    Attributes:
        id: random.
        name: of its folder.
        made: when, UTC.
        root: weights root.
        tasks: {task: checkpoint digest} of what it holds.
        base: digest of its base.
        state: 'alive' (where it was written, recalled or not), 'missing' (not there, so moved or
            deleted), 'unknown' (the file that said where it lies is damaged) or 'recalled'.
        path: where it was written; None if this ledger was copied from elsewhere.
        certificate: digest of its certificate; empty if it has none in the log.
        orphan: whether its export was cut off before the log knew of it.
        inside: digests of all that went into it, and into that, as far as the log knows.
    """

    id: str
    name: str
    made: str
    root: str
    tasks: dict[str, str]
    base: str
    state: str
    path: Path | None
    certificate: str
    orphan: bool
    inside: tuple[str, ...] = ()

    def holds(self, digests: Sequence[str]) -> bool:
        """Whether one of these checkpoints is in it: as a task, as its base, or in one of them."""
        return any(each in digests for each in (self.base, *self.tasks.values(), *self.inside))


def copies(ledger: Ledger) -> list[Copy]:
    """All exports that the log knows, the latest first."""
    entries, places = ledger.entries(), known_places(ledger)
    lineage, damaged = lineage_in(entries), bool(damaged_places(ledger))
    recalled = {each.content.get("copy") for each in entries if each.event == RECALLED}
    signed = {
        each.content["copy"]: each.content["certificate"]
        for each in entries
        if each.event == CERTIFICATE
    }
    found = []
    for each in entries:
        if each.event in (EXPORT, ORPHAN):
            content, copy = each.content, str(each.content["copy"])
            path = places.get(copy)
            there = path is not None and lies_in(Path(path), content["weights_root"])
            gone = "unknown" if path is None and damaged else "missing"
            state = "alive" if there else "recalled" if copy in recalled else gone
            inside = held([content["base"], *content["tasks"].values()], lineage)
            found.append(
                Copy(
                    copy, content["name"], each.time, content["weights_root"],
                    dict(content["tasks"]), content["base"], state, Path(path) if path else None,
                    signed.get(copy, ""), each.event == ORPHAN, tuple(sorted(inside)),
                )
            )  # fmt: skip
    return found[::-1]


def recall_copy(ledger: Ledger, copy: str, key: SigningKey | None = None) -> Copy:
    """Mark a copy as recalled: somebody saw to it that it is gone wherever it went.

    Raises:
        BadLedger: there is no such copy, it is marked already, it still lies on this computer, or
            the file that said where it lies is damaged.
    """
    known = {each.id: each for each in copies(ledger)}
    if copy not in known:
        names = ", ".join(f"{each.id} ({each.name})" for each in known.values()) or "none"
        raise BadLedger(f"The ledger knows no copy '{copy}'; it knows {names}.")
    if known[copy].state == "recalled":
        raise BadLedger(f"The copy {copy} ({known[copy].name}) is marked as recalled already.")
    if known[copy].state == "alive":
        raise BadLedger(
            f"The copy {copy} still lies at {known[copy].path}. Delete it there, and wherever else "
            "it went, before it is marked as recalled."
        )
    if known[copy].state == "unknown":
        raise BadLedger(
            f"Where the copy {copy} ({known[copy].name}) lies is not known, since "
            f"{damaged_places(ledger)[0]} is damaged, so it may lie there still. Put a whole "
            f"{PLACES} back, or find and delete the copy; then remove the damaged file."
        )
    ledger.append(RECALLED, {"copy": copy}, key)
    return known[copy]


def unfound_words(ledger: Ledger) -> list[str]:
    """A sentence on the copies that cannot be found since a file of places is damaged, if any."""
    lost = [f"{each.name} ({each.id})" for each in copies(ledger) if each.state == "unknown"]
    if not lost:
        return []
    return [
        f"{damaged_places(ledger)[0]} is damaged, so nothing tells where {', '.join(lost)} "
        f"{'lies' if len(lost) == 1 else 'lie'}. Such a copy counts as living, and is not recalled."
    ]
