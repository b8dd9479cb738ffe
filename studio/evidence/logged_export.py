"""Exports that the ledger hears of: it refuses what was certified as removed, and logs the rest."""

from collections.abc import Callable
from pathlib import Path

from studio.evidence.ledger.copies import Allowed, announced, contents, log_copy, refuse_removed
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger
from studio.export.adapter import AdapterExport, export_as_lora
from studio.export.classifier import own_tasks
from studio.export.model import export
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.measure.scores import Score
from studio.merge import Merge
from studio.progress import Progress, silent


def write_merge(
    merge: Merge,
    target: Path,
    bench: Bench | None = None,
    progress: Progress = silent,
    allow_duplicates: bool = False,
    classifiers: bool = False,
    ledger: Ledger | None = None,
    allowed: Allowed = False,
    key: SigningKey | None = None,
) -> str:
    """Export a merge; with a zoo, also its tasks' heads and held-out scores.

    Without a zoo, heads are written that the checkpoints hold, where the architecture says how
    they are used. A ledger hears of the export, and refuses what it knows as removed but what is
    ``allowed``; a key signs what is logged.

    Returns:
        The weights root of what was written.
    """
    scores: dict[str, Score] = {}
    if bench and bench.scored():
        scores = Measuring(bench).scores(merge)
    tasks = list(bench.tasks.values()) if bench else own_tasks(merge)

    def write() -> str:
        return export(merge, target, tasks, scores, progress, allow_duplicates, classifiers)

    return logged_export(ledger, merge, target, write, allowed, key)


def write_adapter(
    merge: Merge,
    target: Path,
    bench: Bench | None = None,
    progress: Progress = silent,
    allow_duplicates: bool = False,
    rank: int | None = None,
    ledger: Ledger | None = None,
    allowed: Allowed = False,
    key: SigningKey | None = None,
) -> AdapterExport:
    """Export a linear merge of LoRAs as one LoRA, like ``write_merge``."""
    tasks = list(bench.tasks.values()) if bench else own_tasks(merge)
    made: list[AdapterExport] = []

    def write() -> str:
        made.append(export_as_lora(merge, target, rank, tasks, progress, allow_duplicates))
        return made[0].root

    logged_export(ledger, merge, target, write, allowed, key)
    return made[0]


def logged_export(
    ledger: Ledger | None,
    merge: Merge,
    target: Path,
    write: Callable[[], str],
    allowed: Allowed = False,
    key: SigningKey | None = None,
) -> str:
    """Write an export that the ledger hears of.

    Args:
        ledger: None keeps no account.
        merge: that is written.
        target: its folder.
        write: does it and returns the weights root.
        allowed: see ``refuse_removed``.
        key: signs what is logged.

    Raises:
        NotAllowed: a checkpoint was certified as removed.
    """
    if ledger is None:
        return write()
    refuse_removed(ledger, merge, allowed, key)
    with announced(ledger, target) as copy:
        root = write()
        log_copy(ledger, copy, target, contents(merge, root), key=key)
    return root
