"""Lineage that is known: which checkpoints went into a model that this studio exported."""

from collections.abc import Mapping

from studio.checkpoints.checkpoint import Checkpoint
from studio.evidence.ledger.copies import recorded
from studio.evidence.ledger.events import EXPORT, ORPHAN
from studio.evidence.ledger.log import Ledger

Lineage = Mapping[str, frozenset[str]]
"""{weights root of an export: digests of its base and of the checkpoints that are in it}"""


def lineage_of(ledger: Ledger) -> Lineage:
    """What the log knows of all exports, recalled ones too."""
    found: dict[str, frozenset[str]] = {}
    for each in ledger.entries():
        if each.event in (EXPORT, ORPHAN):
            root, content = each.content["weights_root"], each.content
            inside = {content["base"], *content["tasks"].values()}
            found[root] = found.get(root, frozenset()) | inside
    return found


def held_in(checkpoint: Checkpoint, lineage: Lineage) -> set[str]:
    """Digests of the checkpoints that a model was merged from, and those from theirs.

    By the log, and by the record in the model's own folder if it is of these weights.
    """
    root, record = checkpoint.weights.root, recorded(checkpoint.folder)
    found: set[str] = set()
    waiting = [*lineage.get(root, ())]
    if record and record["weights_root"] == root:
        waiting += [record["base"], *record["tasks"].values()]
    while waiting:
        digest = waiting.pop()
        if digest not in found:
            found.add(digest)
            waiting += lineage.get(digest, ())  # a full model's digest is its weights root
    return found
