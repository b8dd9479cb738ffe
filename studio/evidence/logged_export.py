"""Exports that the ledger hears of: it refuses what was certified as removed, and logs the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.pending import announced, log_copy
from studio.evidence.ledger.register import Allowed, refuse_removed
from studio.export.classifier import own_tasks
from studio.export.folder import Content, Written, write_export
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.export.served import adapter_type
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring
from studio.merge import Merge
from studio.progress import Progress, part, silent

_FITTED = 0.7  # share of the progress that fitting to experts takes, if that must be


@dataclass(frozen=True)
class Account:
    """Who hears of an export.

    Attributes:
        ledger: refuses what it knows as removed, and logs the rest.
        allowed: removed checkpoints that may be merged, see ``refuse_removed``.
        key: signs what is logged.
    """

    ledger: Ledger
    allowed: Allowed = False
    key: SigningKey | None = None


def export_merge(
    merge: Merge,
    plan: ExportPlan,
    bench: Bench | None = None,
    scores: Mapping[str, Score] | None = None,
    account: Account | None = None,
    progress: Progress = silent,
) -> Written:
    """Export a merge as it is planned; with a zoo, also its tasks' heads.

    Without a zoo, heads are written that the checkpoints hold, where the architecture says how
    they are used.

    Args:
        merge: what to write.
        plan: as what, and where.
        bench: of the zoo that the tasks are of.
        scores: of this merge on held-out rows, for a model's card; None measures them, if the zoo
            has such rows.
        account: None keeps no account.
        progress: told the share of the export that is done; raising in it stops it.

    Raises:
        NotAllowed: a checkpoint was certified as removed.
        StudioError: the merge cannot be written so.
    """
    if bench and bench.fits.missing(merge.recipe):
        bench.fits.prepare(merge, part(progress, 0.0, _FITTED))
        progress = part(progress, _FITTED, 1.0)
    tasks = list(bench.tasks.values()) if bench else own_tasks(merge)
    if plan.adapter:
        kind = adapter_type(plan.each_task)
        content = kind(merge, tasks, plan.allow_duplicates, plan.rank)
    else:
        if scores is None and bench and bench.scored():
            scores = Measuring(bench).scores(merge)
        content = MergedModel(merge, tasks, plan.allow_duplicates, scores or {}, plan.classifiers)
    content = replace(content, checks=plan.check)
    return logged_export(content, Path(plan.folder), account, progress)


def logged_export(
    content: Content, target: Path, account: Account | None, progress: Progress = silent
) -> Written:
    """Write an export that the ledger hears of.

    Args:
        content: what to write.
        target: a folder that does not exist.
        account: None keeps no account.
        progress: see ``write_export``.

    Raises:
        NotAllowed: a checkpoint was certified as removed.
        StudioError: as ``write_export``.
    """
    if account is None:
        return write_export(content, target, progress)
    if content.merge is not None:
        refuse_removed(account.ledger, content.merge.deltas, account.allowed, account.key)
    ledger, key = account.ledger, account.key
    with announced(ledger, target, key) as copy:
        made = write_export(content, target, progress, lambda *_: ledger.check(key))
        log_copy(ledger, copy, target, made.root, content.held, key)
    return made
