"""A removal from a state of sums as evidence: the model that is left, certified, in one folder."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.folders import refuse_existing, withdraw
from studio.disk.temporary import sweep_temporary
from studio.errors import BadCertificate, BadState
from studio.evidence import envelope, verify_certificate
from studio.evidence.bundle import (
    KEY_FILE,
    REPORT_FILE,
    VERIFIER_FILE,
    Certified,
    Operator,
    certificate_event,
    predecessor_of,
)
from studio.evidence.certificate import CERTIFICATE_FILE, subject
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.fingerprint import Change, Scheme, fingerprint, fingerprint_of, salted
from studio.evidence.ledger.lineage import held, held_in, lineage_of
from studio.evidence.ledger.pending import announced, log_copy
from studio.evidence.ledger.salt import own_salt
from studio.export.folder import write_export
from studio.geometry.fixed_point import from_units
from studio.methods.additive import DELTAS
from studio.progress import Progress, part, silent
from studio.sequence.arrivals import First, leave, leave_by_receipt
from studio.sequence.members import Member
from studio.sequence.receipt import Receipt, received, refuse_other
from studio.sequence.removal_report import removal_report
from studio.sequence.removal_statement import Removal, removal_statement
from studio.sequence.sealed import Sealed
from studio.sequence.sums import SumState
from studio.sequence.sums_check import (
    LEFT,
    Inputs,
    Verdict,
    change_event,
    compared,
    held_to_log,
    quoted,
    rebuilt,
)
from studio.sequence.sums_export import MergedSums, merged_root
from studio.sequence.terms import Terms


@dataclass(frozen=True)
class Leaver:
    """A task that leaves a state, and what it leaves with.

    Attributes:
        task: as the state names it.
        receipt: sha256 of the receipt's file; None if it leaves by its checkpoint.
        root: weights root of its checkpoint; None if only the receipt is at hand.
        fingerprint: of what it changes, by a ledger's scheme.
        leave: lets it go, see ``arrivals``.
    """

    task: Member
    receipt: str | None
    root: str | None
    fingerprint: Callable[[Scheme], str]
    leave: Callable[[Progress, First | None], SumState]


def by_receipt(state: SumState, receipt: Receipt) -> Leaver:
    """The leaver of a receipt.

    Raises:
        BadState: it is of another state, or its task is not in this one.
    """
    task = refuse_other(receipt, state)

    def sketched(scheme: Scheme) -> str:
        with received(receipt) as terms:
            return fingerprint_of(_changes(state, terms), scheme)

    return Leaver(
        task, _sha256(receipt.path), None, sketched,
        lambda progress, first: leave_by_receipt(state, receipt, progress, first),
    )  # fmt: skip


def by_checkpoint(state: SumState, terms: Terms) -> Leaver:
    """The leaver of a checkpoint.

    Raises:
        BadState: its task is not in the state.
    """
    deltas = terms.deltas
    (name,), (checkpoint,) = deltas.tasks, deltas.checkpoints
    return Leaver(
        state.member(name), None, checkpoint.weights.root,
        lambda scheme: fingerprint(deltas, name, scheme),
        lambda progress, first: leave(state, terms, progress, first),
    )  # fmt: skip


def certify_removal(
    state: SumState, leaver: Leaver, base: Checkpoint, target: Path, operator: Operator,
    kept: Mapping[str, Checkpoint], inputs: Inputs, progress: Progress = silent,
) -> Certified:  # fmt: skip
    """Let a task leave a state, and certify it with the model of the state that is left.

    The state is replaced and the log is told once the folder is whole; if anything fails before,
    the state, the log and the folder's place are as they were.

    Args:
        state: as opened last.
        leaver: the task that leaves it.
        base: of the state.
        target: a folder that does not exist.
        operator: signs, and whose ledger is told.
        kept: checkpoints of the tasks that stay, by the state's names; those of all of them have
            the state built again, otherwise its root is held to the log.
        inputs: what was measured of a kept task, where the method needs it.
        progress: told the share of the work done; raising in it stops it.

    Raises:
        BadState: the state or receipt is damaged or another, the task is not in it, or something
            else is in the sums.
        BadCertificate: nothing tells what is in the sums that are left.
        StudioError: as ``write_export``.
    """
    sweep_temporary()
    refuse_existing(target)
    ledger, key, made = operator.ledger, operator.key, []
    ledger.check(key)
    _refuse_still_there(state, leaver, base, operator)
    _refuse_unlike_log(state, operator)
    removed = _removed(leaver, salted(own_salt(ledger)))
    before = {"root": state.root, "file": _sha256(state.path), "tasks": _plain(state)}

    def first(after: SumState) -> None:
        found = _Found(state, after, base, kept, inputs, operator)
        told = {"root": after.root, "file": _sha256(after.path), "tasks": _plain(after)}

        def seal(work: Path, root: str, report: Progress) -> None:
            judged = found.judged(root, report)
            removal = Removal(removed, state, before, told, judged, root, found.everywhere)
            made.append(_sealed(work, target, removal, base, operator))
            ledger.check(key)  # the last thing before the folder is visible

        write_export(MergedSums(after, base), target, part(progress, 0.4, 0.9), seal)

    with announced(ledger, target, key, certified=True) as copy:
        try:
            after = leaver.leave(part(progress, 0.0, 0.4), first)
        except BaseException:
            if made and target.exists():
                withdraw(target)
            raise
        events = [change_event(after, leaver.task, LEFT), _event(copy, made[0], base, operator)]
        root = made[0].statement["predicate"]["result"]["weights_root"]
        log_copy(ledger, copy, target, root, MergedSums(after, base).held, key, events)
    return made[0]


@dataclass(frozen=True)
class _Found:
    """What there is to judge a state by that a task has left."""

    before: SumState
    after: SumState
    base: Checkpoint
    kept: Mapping[str, Checkpoint]
    inputs: Inputs
    operator: Operator

    @property
    def everywhere(self) -> bool:
        """Whether the model's bits are promised on every machine: nothing is solved for."""
        return all(term.startswith(f"{DELTAS}/") for term in self.after.counts)

    def judged(self, root: str, progress: Progress) -> tuple[Verdict | None, Verdict]:
        """By the kept tasks, if they are at hand, and by the log.

        Raises:
            BadState: something else is in the sums.
            BadCertificate: nothing tells.
        """
        by_log = held_to_log(self.operator.ledger, self.after, own=0)
        again = None
        if {task.name for task in self.after.tasks} <= {*self.kept}:
            again = self._built_again(root, progress)
        for found in (again, by_log):
            if found is not None and found.exact is False:
                raise BadState(f"{found.words} Nothing is certified, and the state stays as it is.")
        if not (again and again.exact) and not by_log.exact:
            reason = again or by_log
            raise BadCertificate(
                f"Nothing here tells that what is left is a state of the kept tasks alone. "
                f"{reason.words} Give the checkpoints of all kept tasks, or let the task leave "
                "without a certificate."
            )
        return again, by_log

    def _built_again(self, root: str, progress: Progress) -> Verdict:
        share = part(progress, 0.0, 0.7)
        with rebuilt(self.after, self.base, self.kept, self.inputs, share) as again:
            found = compared(self.after, again)
            if found.exact:
                other = merged_root(again, self.base, part(progress, 0.7, 1.0))
                if other != root:
                    words = f"its model has the weights root {other[:12]}…, not {root[:12]}…"
                    return Verdict(False, f"The state that was built again is equal, but {words}.")
        return found


def _refuse_still_there(
    state: SumState, leaver: Leaver, base: Checkpoint, operator: Operator
) -> None:
    """Refuse to call a task removed that a kept checkpoint, or the base, was merged from.

    Raises:
        BadState: naming it.
    """
    lineage, gone = lineage_of(operator.ledger), leaver.task.digest
    inside = {f"'{x.name}'": held([x.digest], lineage) for x in state.tasks if x != leaver.task}
    inside["The base"] = {base.digest} | held_in(base, lineage)
    for name, digests in inside.items():
        if gone in digests:
            raise BadState(
                f"{name} is '{leaver.task.name}' or was merged from it, by the log or its own "
                "record, so what is taken out would still be in the result. Take it out as well."
            )


def _refuse_unlike_log(state: SumState, operator: Operator) -> None:
    """Refuse a state of which the log quotes another root.

    Raises:
        BadState: with both roots.
    """
    for time, root in quoted(operator.ledger, state):
        if root != state.root:
            raise BadState(
                f"{state.path} has the root {state.root[:12]}…, but the log of {time} quotes "
                f"{root[:12]}… for the same tasks: something else is in one of them. Nothing is "
                "certified, and the state stays as it is."
            )


def _removed(leaver: Leaver, scheme: Scheme) -> dict:
    plain = leaver.task.plain()
    return {
        "task": plain.pop("name"), **plain, "weights_root": leaver.root,
        "fingerprint": leaver.fingerprint(scheme),
        "by": "receipt" if leaver.receipt else "checkpoint", "receipt": leaver.receipt,
    }  # fmt: skip


def _sealed(
    work: Path, target: Path, removal: Removal, base: Checkpoint, operator: Operator
) -> Certified:
    """Write report, verifier, key and certificate into a folder that is not visible yet."""
    ledger = operator.ledger
    gone = removal.removed["digest"]
    kept = [task["digest"] for task in removal.after["tasks"]]
    before = operator.predecessor or predecessor_of(ledger, [gone, base.digest, *kept])
    holding = [each for each in copies(ledger) if each.holds([gone])]
    signed = removal_statement(removal, base, operator, holding, ledger.head(), before)
    shutil.copyfile(verify_certificate.__file__, work / VERIFIER_FILE)
    (work / KEY_FILE).write_bytes(operator.key.public_pem)
    (work / REPORT_FILE).write_text(removal_report(signed, operator.paper), encoding="utf-8")
    signed["subject"] = subject(work)
    content = envelope.sealed(signed, operator.key)
    (work / CERTIFICATE_FILE).write_bytes(content)
    return Certified(target, signed, envelope.digest(content))


def _event(copy: str, made: Certified, base: Checkpoint, operator: Operator) -> tuple[str, dict]:
    after = made.statement["predicate"]["state"]["after"]["tasks"]
    inputs = [base.digest, *(task["digest"] for task in after)]
    return certificate_event(copy, made, operator.key, inputs)


def _plain(state: SumState) -> list[dict]:
    return [task.plain() for task in state.tasks]


def _changes(state: SumState, terms: Sealed) -> Iterator[Change]:
    """What a task's terms say that it changes."""

    def of(term: str, start: int, stop: int) -> Tensor:
        stored = terms.stored(term)
        assert stored is not None
        return from_units(stored[start:stop], state.unit(term))

    for term, entry in terms.entries.items():
        kind, _, name = term.partition("/")
        if kind == DELTAS:
            yield name, entry.numel, lambda start, stop, term=term: of(term, start, stop)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
