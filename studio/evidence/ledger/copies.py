"""Copies: which exports this ledger knows, what they hold, and which were recalled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import read_mapping
from studio.errors import BadLedger
from studio.evidence.ledger.events import CERTIFICATE, EXPORT, ORPHAN, RECALLED
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger

PLACES = "places.json"
_RECORD = "merge.json"


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
            deleted) or 'recalled'.
        path: where it was written; None if this ledger was copied from elsewhere.
        certificate: digest of its certificate; empty if it has none in the log.
        orphan: whether its export was cut off before the log knew of it.
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

    def holds(self, digests: Sequence[str]) -> bool:
        """Whether one of these checkpoints is in it."""
        return any(digest in digests for digest in self.tasks.values())


def copies(ledger: Ledger) -> list[Copy]:
    """All exports that the log knows, the latest first."""
    entries, places = ledger.entries(), known_places(ledger)
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
            there = path is not None and _holds(Path(path), content["weights_root"])
            state = "alive" if there else "recalled" if copy in recalled else "missing"
            found.append(
                Copy(
                    copy,
                    content["name"],
                    each.time,
                    content["weights_root"],
                    dict(content["tasks"]),
                    content["base"],
                    state,
                    Path(path) if path else None,
                    signed.get(copy, ""),
                    each.event == ORPHAN,
                )
            )
    return found[::-1]


def recall_copy(ledger: Ledger, copy: str, key: SigningKey | None = None) -> Copy:
    """Mark a copy as recalled: somebody saw to it that it is gone wherever it went.

    Raises:
        BadLedger: there is no such copy, it is marked already, or it still lies on this computer.
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
    ledger.append(RECALLED, {"copy": copy}, key)
    return known[copy]


def known_places(ledger: Ledger) -> dict[str, str]:
    """Where copies lie, as far as it is known; a file that is damaged knows nothing."""
    try:
        known = read_mapping(ledger.folder / PLACES, BadLedger)
    except BadLedger:
        return {}
    return {copy: path for copy, path in known.items() if isinstance(path, str)}


def recorded(folder: Path) -> dict | None:
    """What an export says of itself, or None if there is none."""
    try:
        found = read_mapping(folder / _RECORD, BadLedger)
        tasks = {task["name"]: task["digest"] for task in found["tasks"]}
        base = found["base"]["digest"]
        return {"weights_root": found["weights_root"], "base": base, "tasks": tasks}
    except (BadLedger, KeyError, TypeError):
        return None


def _holds(folder: Path, root: str) -> bool:
    found = recorded(folder) if folder.is_dir() else None
    return found is not None and found["weights_root"] == root
