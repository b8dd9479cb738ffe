"""Certificate: the statement that is signed, put together from what was computed and measured."""

import math
import platform
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path

import numpy
import torch

from studio import __version__
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCertificate
from studio.evidence import wording
from studio.evidence.closure import origin
from studio.evidence.judgment import Judgment
from studio.evidence.ledger.copies import Copy
from studio.evidence.ledger.fingerprint import Scheme, fingerprint
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.measures import Measures, Range
from studio.evidence.rebuild import is_portable
from studio.evidence.report.paper import refuse_typed
from studio.evidence.verify_certificate import VERSION
from studio.export.card import public_name
from studio.merge import Merge
from studio.recipe import Recipe, parse_recipe

CERTIFICATE_FILE = "certificate.dsse.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:mdm-oc-studio:unmerge-certificate:v1"
REASONS = ("erasure request", "license withdrawn", "quality rollback", "other")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Request:
    """What the operator declares; nobody checks it.

    Attributes:
        reason: one of ``REASONS``.
        reference: of the request, such as a ticket number, and never a name; '' draws one.
        received: date, ``YYYY-MM-DD``, or ''.
        signer: name to show beside the key, or ''.
        recipients: who was told, or must be.
        backups: what became of backups.
    """

    reason: str = REASONS[-1]
    reference: str = ""
    received: str = ""
    signer: str = ""
    recipients: tuple[str, ...] = ()
    backups: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise BadCertificate(f"The reason must be one of {', '.join(REASONS)}.")
        refuse_typed([self.reference, self.signer, self.backups, *self.recipients])
        if self.received and not _is_date(self.received):
            raise BadCertificate(f"The date {self.received!r} is not of the form YYYY-MM-DD.")
        latest = datetime.now(UTC) + timedelta(days=1)  # clocks on walls differ from it
        if self.received > latest.date().isoformat():
            raise BadCertificate(f"The date {self.received} has not come yet.")


def statement(
    judged: Judgment,
    full: Merge,
    result: Merge,
    root: str,
    request: Request,
    holding: Sequence[Copy],
    log: tuple[int, str],
    predecessor: str | None,
    key: SigningKey,
    scheme: Scheme,
) -> dict:
    """The in-toto statement of an unmerge; its ``subject`` is filled in by ``subject``.

    Args:
        judged: the unmerge.
        full: the merge with the removed tasks.
        result: the merge that was computed and written.
        root: weights root of what was written.
        request: what the operator declares.
        holding: known copies that still hold a removed checkpoint.
        log: entries of the ledger, and its head, before this certificate.
        predecessor: digest of the certificate that this one follows, or None.
        key: that signs.
        scheme: by which the ledger fingerprints what was removed.
    """
    moment, found = datetime.now(UTC).replace(microsecond=0), judged.measures
    predicate = {
        "version": VERSION,
        "id": secrets.token_hex(16),
        "claim": judged.claim,
        "operation": "replace" if found.unmerged.added else "remove",
        "verdict": dict(zip(("result", "words"), judged.verdict, strict=True)),
        "result": _result(result, root),
        "removed": _removed(found, full, scheme),
        "added": _added(found, result),
        "request": plain_request(request, moment),
        "counterfactual": _counterfactual(result),
        "resolvedDependencies": _dependencies(result),
        "builder": builder(),
        "closure": [each.plain() for each in judged.closure],
        "checks": [each.plain() for each in judged.checks],
        "limits": wording.limits(
            judged.claim, root, found.unmerged.removed, found.residue.relative, is_portable(result)
        ),
        "copies": plain_copies(holding, request),
        "recipients": list(request.recipients),
        "log": {"entries": log[0], "head": log[1]},
        "predecessor": predecessor,
        "signer": plain_signer(request, key, moment),
    }
    return {"_type": STATEMENT_TYPE, "subject": [], "predicateType": PREDICATE_TYPE,
            "predicate": predicate}  # fmt: skip


def subject(folder: Path) -> list[dict]:
    """Name and sha256 of every file of a bundle but the certificate, in the order of the names."""
    found = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name != CERTIFICATE_FILE:
            found.append({"name": name, "digest": {"sha256": _sha256(file)}})
    return sorted(found, key=lambda each: each["name"])


def plain_request(request: Request, moment: datetime) -> dict:
    """What is declared of the request."""
    return {
        "reference": request.reference or secrets.token_hex(8),
        "reason": request.reason,
        "received": request.received or None,
        "completed": moment.date().isoformat(),
        "granularity": "whole task checkpoint",
    }


def plain_copies(holding: Sequence[Copy], request: Request) -> dict:
    """Copies that hold what was removed, and what is said of caches and backups."""
    known = [
        {"id": c.id, "name": c.name, "weights_root": c.root, "made": c.made, "state": c.state}
        for c in holding
    ]
    return {
        "holding": known,
        "caches": wording.CACHES,
        "backups": request.backups or "not declared",
    }


def plain_signer(request: Request, key: SigningKey, moment: datetime) -> dict:
    """Who signs, and when."""
    return {
        "name": request.signer,
        "fingerprint": key.fingerprint,
        "demo": key.demo,
        "time": moment.isoformat().replace("+00:00", "Z"),
        "time_source": "local clock",
    }


def _result(result: Merge, root: str) -> dict:
    sizes = {name: math.prod(result.union.shape(name)) for name in result.base.names}
    dtype = result.recipe.dtype or "as the base"
    return {
        "weights_root": root,
        "dtype": dtype,
        "compute_dtype": str(result.compute_dtype).removeprefix("torch."),
        "tensors": len(sizes),
        "parameters": sum(sizes.values()),
        "format": "safetensors",
        "bytes": sum(x * result.output_dtype(n).itemsize for n, x in sizes.items()),
    }


def _removed(found: Measures, full: Merge, scheme: Scheme) -> list[dict]:
    rows: list[dict] = []
    given = full.recipe.plain()["tasks"]
    for name in found.unmerged.removed:
        index = full.deltas.tasks.index(name)
        ranges = (found.coefficients or {}).get(name, (None, None, None))
        rows.append(
            _identity(name, full.deltas.checkpoints[index])
            | {
                "fingerprint": fingerprint(full.deltas, name, scheme),
                "position": index + 1,
                "of": len(full.deltas),
                "coefficient": given[index].get("coefficient", full.method.default_coefficient),
                "raw_coefficient": dict(
                    zip(("full", "algebraic", "exact"), map(_plain, ranges), strict=True)
                ),
            }
        )
    return rows


def _added(found: Measures, merge: Merge) -> list[dict]:
    if found.unmerged.added is None:
        return []
    name = found.unmerged.removed[0]
    return [_identity(name, merge.deltas.checkpoints[merge.deltas.tasks.index(name)])]


def _identity(name: str, checkpoint: Checkpoint) -> dict:
    files = sorted({entry.file for entry in checkpoint.weights.entries.values()})
    return {
        "task": name,
        "digest": checkpoint.digest,
        "weights_root": checkpoint.weights.root,
        "files": {file.name: _sha256(file) for file in files},
        "kind": checkpoint.kind,
    }


def _plain(span: Range | None) -> list[float] | None:
    return None if span is None else list(span)


def _counterfactual(merge: Merge) -> dict:
    recipe, names = merge.recipe, merge.deltas.names
    rows: dict[tuple[str, ...], int] = {}
    places = {}
    for name, values in zip(names, merge.numbers.tolist(), strict=True):
        row = tuple(x.hex() for x in values)
        places[name] = rows.setdefault(row, len(rows))
    fitted = recipe.taint
    found = origin(merge, [each.digest for each in merge.deltas.checkpoints])
    bits = "the same bits on every machine"
    if not is_portable(merge):
        bits = "the same bits on one kind of machine; elsewhere within 1e-5 of the merged change"
    return {
        "recipe": recipe_by_digest(merge),
        "recipe_digest": _by_digest(merge).digest_on(merge.base.digest),
        "order": list(recipe.names),
        "coefficients": {
            "policy": f"found by {fitted.by}" if fitted else "fixed by the recipe",
            "origin": found,
            "words": wording.ORIGINS[found],
            "fitted": fitted.plain() if fitted else None,
        },
        "vectors": "derived" if merge.method.derives else "raw deltas",
        "mixing": {
            "tasks": list(merge.deltas.tasks),
            "rows": [list(row) for row in rows],
            "tensors": places,
        },
        "rounding": "sums per element in the order of the tasks, separate multiply and add in the "
        "compute dtype, one cast to the output dtype, round to nearest even"
        + ("; calibrated tensors are solved for in float64" if recipe.calibrate else "")
        + ("; heads are fitted in float64" if recipe.heads else ""),
        "promise": bits,
    }


def recipe_by_digest(merge: Merge) -> dict:
    """The recipe as it stands in a certificate: checkpoints by digest, every coefficient."""
    plain: dict = _by_digest(merge).plain() | {"base": merge.base.digest}
    for task in plain["tasks"]:
        task.pop("checkpoint")
    return plain


def _by_digest(merge: Merge) -> Recipe:
    """The recipe with every digest and coefficient, and what its coefficients come from."""
    usual = merge.method.default_coefficient
    tasks = tuple(
        replace(
            task,
            digest=checkpoint.digest,
            coefficient=usual if task.coefficient is None else task.coefficient,
            set_by=task.origin,
        )
        for task, checkpoint in zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True)
    )
    return replace(merge.recipe, tasks=tasks, fitted=merge.recipe.taint)


def _dependencies(merge: Merge) -> list[dict]:
    named = zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True)
    inputs = [
        ("base", "base", merge.recipe.base, merge.base),
        *(("task", entry.name, entry.checkpoint, each) for entry, each in named),
    ]
    rows = []
    for role, name, source, checkpoint in inputs:
        about = _identity(name, checkpoint)
        about["name"] = about.pop("task")
        rows.append(
            {"role": role, **about, "source": public_name(source), "license": None,
             "initialised_from": None, "verified": False}
        )  # fmt: skip
    return rows


def builder() -> dict:
    """What computed it."""
    return {
        "studio": __version__,
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def recipe_of(predicate: dict, base: str, folders: Mapping[str, str]) -> Recipe:
    """The recipe that a certificate names, with the folders where its checkpoints lie here.

    Args:
        predicate: of the statement.
        base: folder of the base.
        folders: {checkpoint digest: folder}.

    Raises:
        BadCertificate: the certificate holds no recipe that can be merged.
    """
    try:
        plain = dict(predicate["counterfactual"]["recipe"])
        tasks = [dict(task) | {"checkpoint": folders[task["digest"]]} for task in plain["tasks"]]
    except (KeyError, TypeError):
        raise BadCertificate("The certificate names no recipe, or one without digests.") from None
    return parse_recipe(
        plain | {"base": base, "tasks": tasks}, Path(base), "The certificate", least=0
    )


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError:
        return False
