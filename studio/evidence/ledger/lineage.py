"""Lineage that is known: which checkpoints went into a model that this studio exported."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import read_mapping
from studio.errors import BadLedger
from studio.evidence.ledger.events import EXPORT, ORPHAN
from studio.evidence.ledger.log import Ledger, LogEntry

_RECORD = "merge.json"

Lineage = Mapping[str, frozenset[str]]
"""{weights root or digest of an export: digests of its base and of the checkpoints in it}"""


def lineage_of(ledger: Ledger) -> Lineage:
    """What the log knows of all exports, recalled ones too."""
    return lineage_in(ledger.entries())


def lineage_in(entries: Sequence[LogEntry]) -> Lineage:
    """What entries of a log say of exports."""
    found: dict[str, frozenset[str]] = {}
    for each in entries:
        if each.event in (EXPORT, ORPHAN):
            content = each.content
            inside = {content["base"], *content["tasks"].values()}
            for own in {content["weights_root"], content.get("digest", content["weights_root"])}:
                found[own] = found.get(own, frozenset()) | inside
    return found


def held(digests: Iterable[str], lineage: Lineage) -> set[str]:
    """Digests, those of what they were merged from, and so on."""
    found: set[str] = set()
    waiting = [*digests]
    while waiting:
        digest = waiting.pop()
        if digest not in found:
            found.add(digest)
            waiting += lineage.get(digest, ())  # a full model's digest is its weights root
    return found


def held_in(checkpoint: Checkpoint, lineage: Lineage) -> set[str]:
    """Digests of the checkpoints that a model was merged from, and those from theirs.

    By the log, and by the record in the model's own folder if it is of these weights.
    """
    root, record = checkpoint.weights.root, recorded(checkpoint.folder)
    waiting = [*lineage.get(root, ())]
    if record and record["weights_root"] == root:
        waiting += [record["base"], *record["tasks"].values()]
    return held(waiting, lineage)


def recorded(folder: Path) -> dict | None:
    """What an export says of itself, or None if there is none."""
    try:
        found = read_mapping(folder / _RECORD, BadLedger)
        tasks = {task["name"]: task["digest"] for task in found["tasks"]}
        base = found["base"]["digest"]
        return {"weights_root": found["weights_root"], "base": base, "tasks": tasks}
    except (BadLedger, KeyError, TypeError):
        return None
