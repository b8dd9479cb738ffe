"""Bundle: the exported result of an unmerge with certificate, report and verifier in one folder."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.disk.temporary import sweep_temporary
from studio.evidence import envelope, verify_certificate
from studio.evidence.certificate import (
    CERTIFICATE_FILE,
    Request,
    statement,
    subject,
)
from studio.evidence.judgment import Judgment, judge
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.events import CERTIFICATE
from studio.evidence.ledger.fingerprint import salted
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import lineage_of
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.pending import announced, log_copy
from studio.evidence.ledger.register import Allowed, refuse_removed
from studio.evidence.ledger.salt import own_salt
from studio.evidence.measures import Measures, measure
from studio.evidence.rebuild import rebuild_of
from studio.evidence.refusals import (
    refuse_no_difference,
    refuse_same_change,
    refuse_still_there,
    refuse_their_heads,
    refuse_uncheckable,
)
from studio.evidence.report.page import report
from studio.evidence.report.paper import Paper
from studio.evidence.scoring import Scoring
from studio.evidence.unmerge import Unmerging
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.task import Task

REPORT_FILE, KEY_FILE, VERIFIER_FILE = "report.html", "public_key.pem", "verify_certificate.py"
_PAPER = Paper()


@dataclass(frozen=True)
class Operator:
    """Who certifies.

    Attributes:
        ledger: knows other exports, and is told of this one.
        key: that signs.
        request: what the operator declares.
        predecessor: digest of the certificate before; None takes the latest of this ledger that
            shares a checkpoint, as the log calls it.
        allowed: removed checkpoints that may be merged, see ``refuse_removed``.
        paper: what is declared for the report alone, and its language.
    """

    ledger: Ledger
    key: SigningKey
    request: Request
    predecessor: str | None = None
    allowed: Allowed = False
    paper: Paper = _PAPER


@dataclass(frozen=True)
class Certified:
    """What was certified.

    Attributes:
        folder: the bundle.
        statement: that was signed.
        digest: sha256 of the payload, by which the log knows the certificate.
    """

    folder: Path
    statement: dict
    digest: str

    @property
    def number(self) -> str:
        """By which people call the certificate: on the report and in the page."""
        return self.statement["predicate"]["id"]

    @property
    def words(self) -> str:
        """One sentence on what came of it."""
        return self.statement["predicate"]["verdict"]["words"]


def certify(
    merges: Callable[[Recipe], Merge],
    unmerged: Unmerging,
    target: Path,
    operator: Operator,
    *,
    scoring: Scoring | None = None,
    tasks: Sequence[Task] = (),
    measured: Measures | None = None,
    allow_duplicates: bool = False,
    progress: Progress = silent,
) -> Certified:
    """Export an unmerge with its certificate; all of the folder is there afterwards, or nothing.

    The log hears of the export and its certificate right after the folder became visible; if the
    program ends in between, the export is found as an orphan, and its certificate does not count.

    Args:
        merges: opens the merge of a recipe.
        unmerged: of what.
        target: a folder that does not exist.
        operator: signs, and whose ledger is told.
        scoring: for behaviour; None leaves it out and says so.
        tasks: whose heads go into the bundle, if they are kept.
        measured: what was measured of this very unmerge before, if it was.
        allow_duplicates: accept equal checkpoints and zero deltas.
        progress: told the share done.

    Raises:
        StudioError: as ``write_export``; or a checkpoint was certified as removed, or the method
            needs data.
    """
    refuse_uncheckable(unmerged)
    sweep_temporary()  # what killed studios left may hold what is taken out here
    result, full = merges(unmerged.recipe), merges(unmerged.full)
    ledger, key = operator.ledger, operator.key
    refuse_still_there(unmerged, full, result, lineage_of(ledger))
    ledger.check(key)
    refuse_removed(ledger, result.deltas, operator.allowed, key)
    found = measured or measure(merges, unmerged, scoring, part(progress, 0.0, 0.5))
    refuse_same_change(found)
    scores = _scores(unmerged, scoring, part(progress, 0.5, 0.6))
    content = MergedModel(result, _heirs(tasks, unmerged, result), allow_duplicates, scores)
    made: list[Certified] = []

    def seal(work: Path, root: str, report: Progress) -> None:
        merge = content.merge
        refuse_no_difference(full, root)
        refuse_their_heads(full, unmerged, content.heads, tasks)
        never = merge if unmerged.mode == "exact" else merges(unmerged.never)
        judged = judge(found, rebuild_of(never, report), merge, full, root, _heads(work))
        made.append(_sealed(work, target, _stated(judged, full, merge, root, operator), operator))
        content.refuse_changed()
        ledger.check(key)  # the last thing before the folder is visible

    with announced(ledger, target, key, certified=True) as copy:
        root = write_export(content, target, part(progress, 0.6, 1.0), seal).root
        event = certificate_event(copy, made[0], key, _inputs(made[0].statement["predicate"]))
        log_copy(ledger, copy, target, root, content.held, key, [event])
    return made[0]


def _scores(
    unmerged: Unmerging, scoring: Scoring | None, progress: Progress
) -> Mapping[str, Score]:
    """Held-out scores for the model card; a replaced task's head is no longer the zoo's."""
    if scoring is None or not scoring.bench.scored():
        return {}
    scores = scoring.evaluate(unmerged.recipe, progress).scores()
    left = unmerged.removed if unmerged.added is not None else ()
    return {name: score for name, score in scores.items() if name not in left}


def _heirs(tasks: Sequence[Task], unmerged: Unmerging, result: Merge) -> list[Task]:
    """The tasks, a replaced one with its new checkpoint's own head, or none.

    The zoo's head is of the checkpoint before.
    """
    if (added := unmerged.added) is None:
        return [*tasks]
    return [
        task.succeeded(added.checkpoint, result.deltas.private(task.name), result.base)
        if task.name in unmerged.removed
        else task
        for task in tasks
    ]


def _stated(judged: Judgment, full: Merge, merge: Merge, root: str, operator: Operator) -> dict:
    """The statement of what was written, as the ledger stands before it is told."""
    ledger = operator.ledger
    gone = [full.deltas.checkpoints[i].digest for i in _places(full, judged.measures.unmerged)]
    holding = [each for each in copies(ledger) if each.holds(gone)]
    head = ledger.head()
    before = operator.predecessor or predecessor_of(ledger, [*gone, *_digests(merge)])
    return statement(
        judged, full, merge, root, operator.request, holding, (head.entries, head.hash), before,
        operator.key, salted(own_salt(ledger)),
    )  # fmt: skip


def _sealed(work: Path, target: Path, signed: dict, operator: Operator) -> Certified:
    """Write report, verifier, key and certificate into a folder that is not visible yet."""
    shutil.copyfile(verify_certificate.__file__, work / VERIFIER_FILE)
    (work / KEY_FILE).write_bytes(operator.key.public_pem)
    (work / REPORT_FILE).write_text(report(signed, operator.paper), encoding="utf-8")
    signed["subject"] = subject(work)
    content = envelope.sealed(signed, operator.key)
    (work / CERTIFICATE_FILE).write_bytes(content)
    return Certified(target, signed, envelope.digest(content))


def _inputs(predicate: dict) -> list[str]:
    return [each["digest"] for each in predicate["resolvedDependencies"]]


def certificate_event(
    copy: str, made: Certified, key: SigningKey, inputs: Sequence[str]
) -> tuple[str, dict]:
    """What the log says of a certificate.

    Args:
        copy: id of the export that it lies in.
        made: what was certified.
        key: that signed it.
        inputs: digests of the base and of the kept checkpoints, the base first.
    """
    predicate = made.statement["predicate"]
    known = ("task", "digest", "weights_root")
    return (
        CERTIFICATE,
        {
            "copy": copy,
            "certificate": made.digest,
            "claim": predicate["claim"],
            "verdict": predicate["verdict"]["result"],
            "demo": key.demo,
            "fingerprint": key.fingerprint,
            "removed": [
                {name: gone[name] or "" for name in (*known, "fingerprint")}
                for gone in predicate["removed"]
            ],
            "added": [{name: new[name] for name in known} for new in predicate.get("added", ())],
            "inputs": list(inputs),
            "request": predicate["request"]["reference"],
        },
    )


def predecessor_of(ledger: Ledger, digests: Sequence[str]) -> str | None:
    """The latest certificate on the same base whose result shares a checkpoint with this one."""
    for each in reversed(ledger.entries()):
        if each.event == CERTIFICATE:
            base, *tasks = each.content["inputs"]
            gone = [entry["digest"] for entry in each.content["removed"]]
            if base in digests and set(digests) & {*tasks, *gone}:
                return each.content["certificate"]
    return None


def _places(full: Merge, unmerged: Unmerging) -> list[int]:
    return [full.deltas.tasks.index(name) for name in unmerged.removed]


def _digests(merge: Merge) -> list[str]:
    return [each.digest for each in (merge.base, *merge.deltas.checkpoints)]


def _heads(work: Path) -> tuple[str, ...]:
    folder = work / "heads"
    return tuple(sorted(each.name for each in folder.iterdir())) if folder.is_dir() else ()
