"""What is signed of a task that left a state of sums."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.ties import without_copies
from studio.evidence.bundle import Operator
from studio.evidence.certificate import (
    STATEMENT_TYPE,
    builder,
    plain_copies,
    plain_request,
    plain_signer,
)
from studio.evidence.checks import NEVER, NOT_RUN, PASS, Check
from studio.evidence.ledger.copies import Copy
from studio.evidence.ledger.log import LogHead
from studio.evidence.verify_certificate import STATE_TYPE, VERSION
from studio.evidence.wording import EXACT, state_limits
from studio.sequence.sums import SumState
from studio.sequence.sums_check import Verdict, settings_digest

EQUAL = "equal"


@dataclass(frozen=True)
class Removal:
    """A removal, as it was computed and checked.

    Attributes:
        removed: the task that left, as the statement names it.
        state: that it left.
        before: root, sha256 and tasks of the state's file.
        after: the same, once the task has left.
        judged: what the kept tasks say, None if they were not at hand, and what the log says.
        root: weights root of the model that was written.
        everywhere: whether that model's bits are promised on every machine.
    """

    removed: dict
    state: SumState
    before: dict
    after: dict
    judged: tuple[Verdict | None, Verdict]
    root: str
    everywhere: bool


def removal_statement(
    removal: Removal, base: Checkpoint, operator: Operator, holding: Sequence[Copy], log: LogHead,
    predecessor: str | None,
) -> dict:  # fmt: skip
    """The in-toto statement; its ``subject`` is filled in once all files are there.

    Args:
        removal: of which task from which state.
        base: of the state.
        operator: who signs, and what is declared.
        holding: known copies that still hold what was removed.
        log: head of the ledger before this certificate.
        predecessor: digest of the certificate that this one follows, or None.
    """
    moment, request = datetime.now(UTC).replace(microsecond=0), operator.request
    again, _ = removal.judged
    predicate = {
        "version": VERSION,
        "id": secrets.token_hex(16),
        "claim": EXACT,
        "operation": "remove",
        "verdict": {"result": PASS, "words": _words(removal)},
        "result": _result(removal, base),
        "removed": [removal.removed],
        "request": plain_request(request, moment),
        "state": {
            **removal.state.settings, "settings": settings_digest(removal.state),
            "before": removal.before, "after": removal.after,
        },
        "builder": builder(),
        "checks": [each.plain() for each in _checks(removal)],
        "limits": state_limits(
            removal.root, removal.after["root"], removal.removed["task"],
            bool(again and again.exact), removal.everywhere,
        ),
        "copies": plain_copies(holding, request),
        "recipients": list(request.recipients),
        "log": {"entries": log.entries, "head": log.hash},
        "predecessor": predecessor,
        "signer": plain_signer(request, operator.key, moment),
    }  # fmt: skip
    return {"_type": STATEMENT_TYPE, "subject": [], "predicateType": STATE_TYPE,
            "predicate": predicate}  # fmt: skip


def _words(removal: Removal) -> str:
    again, _ = removal.judged
    task, kept = removal.removed["task"], len(removal.after["tasks"])
    kept_words = f"{kept} kept task{'s' * (kept != 1)}"
    if again and again.exact:
        return (
            f"'{task}' left the state by an exact subtraction: a state built again of the "
            f"{kept_words} alone has the same bits, and so has its model."
        )
    return (
        f"'{task}' left the state by an exact subtraction: what is left has the root that the log "
        f"quoted for the {kept_words} before."
    )


def _result(removal: Removal, base: Checkpoint) -> dict:
    laid = without_copies(base) if removal.after["tasks"] else base
    entries = laid.weights.entries.values()
    return {
        "weights_root": removal.root,
        "dtype": "as the base",
        "compute_dtype": "float64",
        "tensors": len(entries),
        "parameters": sum(math.prod(entry.shape) for entry in entries),
        "format": "safetensors",
        "bytes": sum(entry.size for entry in entries),
    }


def _checks(removal: Removal) -> list[Check]:
    again, by_log = removal.judged
    absent = "The checkpoints of the kept tasks were not at hand."
    terms = removal.removed["terms"]
    return [
        _check("S1", "State and model built again from the kept tasks", NEVER, again, absent),
        _check("S2", "Root that the log quoted for the kept tasks", "the log", by_log, ""),
        Check(
            "S3", "What was subtracted is what was added", "the arrival", EQUAL, "", PASS, EQUAL,
            f"The whole numbers that were subtracted have the root {terms[:12]}… that the state "
            f"has noted since '{removal.removed['task']}' came.",
        ),
    ]  # fmt: skip


def _check(key: str, title: str, reference: str, found: Verdict | None, absent: str) -> Check:
    passed = found is not None and found.exact
    words = found.words if found else absent
    value, result = (EQUAL, PASS) if passed else (None, NOT_RUN)
    return Check(key, title, reference, value, "", result, EQUAL, words)
