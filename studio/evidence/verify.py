"""Verification of a certificate, offline: signature, files, log, and the weights computed again."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.added_tokens import added_tokens
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.matched_rows import counted
from studio.checkpoints.vocabulary import vocabulary
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import open_regular
from studio.errors import BadCertificate, StudioError
from studio.evidence import envelope
from studio.evidence.certificate import CERTIFICATE_FILE, recipe_of
from studio.evidence.ledger import log as ledger
from studio.evidence.ledger.events import CERTIFICATE
from studio.evidence.ledger.keys import DEMO_WORDS, read_public_key
from studio.evidence.rebuild import rebuilt_root
from studio.evidence.verify_certificate import (
    contradictions,
    is_of_state,
    meaning,
    notes,
    problems,
)
from studio.evidence.wording import EXACT
from studio.measure.bench import Bench
from studio.merge import Merge, open_merge, written_pieces
from studio.progress import Progress, part, silent
from studio.recipe import UNION, Recipe
from studio.tasks.heads import tensors_of

_CLOSE = 1e-10  # largest relative difference of coefficients that are computed again
_HEADS = 1e-4  # of a head's largest number, on another kind of machine
_WITHIN = 1e-5  # of the merged change, where singular values enter
_LARGEST = 16 * 2**20  # bytes of a certificate, a key or a signed head
_LARGEST_LOG = 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: whether it is right, and a sentence."""

    good: bool
    words: str


@dataclass(frozen=True)
class Verification:
    """Everything that was checked, and the statement if its signature is good.

    Attributes:
        findings: each with its sentence.
        statement: that was signed; None if the certificate does not open.
        notes: what must not be overlooked although it is not wrong, see the verifier's ``notes``.
    """

    findings: tuple[Finding, ...]
    statement: dict | None
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return all(each.good for each in self.findings)


def verify(
    folder: Path,
    certificate: Path,
    public_key: Path,
    log: Path | None = None,
    inputs: tuple[Path, Sequence[Path]] | None = None,
    progress: Progress = silent,
    roots: tuple[Path, ...] = (),
    bench: Bench | None = None,
) -> Verification:
    """Verify a bundle.

    Args:
        folder: the bundle.
        certificate: its certificate, inside of it or elsewhere.
        public_key: of the signer, got by a channel that one trusts.
        log: the ledger's ``audit.jsonl``, with ``head.json`` beside it, if there is one.
        inputs: base and kept checkpoints, to compute the weights root again; of a state's
            certificate ``sequence.verification`` does so.
        progress: told the share done.
        roots: folders into which links of the checkpoints' files may lead.
        bench: of a zoo of these inputs with the rows that something was measured on; None where
            there are no rows.

    Raises:
        StudioError: a file cannot be read at all.
    """
    pem, signed = _content(public_key), _content(certificate)
    read_public_key(pem)
    if not folder.is_dir():
        raise BadCertificate(f"There is no folder {folder}.")
    try:
        statement = envelope.opened(signed, pem)
    except BadCertificate as refusal:
        return Verification((Finding(False, str(refusal)),), None)
    findings = [Finding(True, "The signature is by this key.")]
    predicate = statement["predicate"]
    wrong = contradictions(statement)
    findings += [Finding(False, words) for words in wrong]
    progress(0.1, "hashing the files of the bundle")
    findings += _of_files(folder, statement, signed)
    if log is not None:
        findings += _of_log(log, pem, predicate, envelope.names(signed))
    if inputs is not None and not is_of_state(statement):
        try:
            merges = bench.merge if bench else partial(open_merge, roots=roots)
            report = part(progress, 0.3, 1.0)
            merge, found = _rebuilt(folder, predicate, *inputs, roots, merges, report)
            findings += [*found, *(_heads(folder, predicate, merge, bench) if merge else ())]
        except StudioError as refusal:
            findings.append(Finding(False, f"It cannot be computed again: {refusal}"))
    return Verification(tuple(findings), statement, tuple(notes(signed, statement)))


def closing_words(found: Verification) -> list[str]:
    """What a reader must know besides: the claim, what it rests on, and who signed."""
    if found.statement is None:
        return []
    predicate = found.statement["predicate"]
    signer, judged = predicate["signer"], predicate["verdict"]["result"]
    origin, sentence = meaning(found.statement)
    how = f"{origin}. " if origin else ""
    words = [f"The certificate says ({predicate['claim']}, {judged}): {how}{sentence}"]
    if predicate["claim"] != EXACT:
        words.append("This is no exact removal.")
    if signer["demo"]:
        words.append(f"{DEMO_WORDS}.")
    words += [f"NOTE: {each}" for each in found.notes]
    words.append(f"Compare the key's fingerprint with its owner: {signer['fingerprint']}")
    return words


def _content(file: Path, largest: int = _LARGEST) -> bytes:
    try:
        with open_regular(file, BadCertificate) as stream:
            content = stream.read(largest + 1)
    except OSError as problem:
        raise BadCertificate(f"{file} cannot be read: {problem.strerror}.") from None
    if len(content) > largest:
        raise BadCertificate(f"{file} has more than {largest:,} bytes; it is no such file.")
    return content


def _of_files(folder: Path, statement: dict, signed: bytes) -> list[Finding]:
    wrong, own = problems(folder, statement), folder / CERTIFICATE_FILE
    if own.exists() and _content(own) != signed:
        wrong.append(f"The bundle holds another {CERTIFICATE_FILE} than the one given.")
    count = len(statement["subject"])
    return [Finding(False, words) for words in wrong] or [
        Finding(True, f"All {count} files are there, unchanged, and there are no others.")
    ]


def _of_log(log: Path, pem: bytes | None, predicate: dict, names: Sequence[str]) -> list[Finding]:
    text, head = _content(log, _LARGEST_LOG), log.with_name("head.json")
    quoted = ledger.LogHead(predicate["log"]["entries"], predicate["log"]["head"])
    signed = _content(head) if head.exists() else None
    if predicate["signer"]["demo"]:  # a demo key signs no head, so another one may have
        pem = None
    wrong = ledger.verify_log(text, signed, pem, [quoted])
    if wrong:
        return [Finding(False, words) for words in wrong]
    entries = "1 entry" if quoted.entries == 1 else f"{quoted.entries} entries"
    whole = f"The log is a whole chain that begins with the {entries} that the certificate quotes."
    known = any(
        entry["event"] == CERTIFICATE and entry["content"]["certificate"] in names
        for entry in map(json.loads, text.splitlines())
    )
    words = f"The log {'knows' if known else 'does not know'} this certificate."
    return [Finding(True, whole), Finding(known, words)]


def _rebuilt(
    folder: Path,
    predicate: dict,
    base: Path,
    tasks: Sequence[Path],
    roots: tuple[Path, ...],
    merges: Callable[[Recipe], Merge],
    progress: Progress,
) -> tuple[Merge | None, list[Finding]]:
    found = {str(each.absolute()): open_checkpoint(each, roots) for each in tasks}
    folders = {checkpoint.digest: path for path, checkpoint in found.items()}
    wanted = {
        task["digest"]: task["name"] for task in predicate["counterfactual"]["recipe"]["tasks"]
    }
    gone = {entry["digest"]: entry["task"] for entry in predicate["removed"]}
    bad = [f"{name} is missing among the tasks." for d, name in wanted.items() if d not in folders]
    for digest, path in folders.items():
        if digest in gone and digest not in wanted:
            bad.append(f"{path} is the removed checkpoint '{gone[digest]}'; leave it out.")
        elif digest not in wanted:
            bad.append(f"{path} is none of the checkpoints that the certificate names.")
    if bad:
        return None, [Finding(False, words) for words in bad]
    merge = merges(recipe_of(predicate, str(base.absolute()), folders))
    if merge.base.digest != predicate["counterfactual"]["recipe"]["base"]:
        return None, [Finding(False, f"{base} is not the base that the certificate names.")]
    if predicate["counterfactual"]["vectors"] != "raw deltas":
        return merge, [_derived(folder, merge, predicate, progress), *_tokens(folder, merge)]
    recorded = _mixing(merge, predicate["counterfactual"]["mixing"])
    root = rebuilt_root(replace(merge, recorded=recorded), progress)
    findings = [_same(root, predicate, "the recorded coefficients"), *_tokens(folder, merge)]
    apart = float((merge.mixing - recorded).abs().max()) if recorded.numel() else 0.0
    limit = _CLOSE * max(float(recorded.abs().max()) if recorded.numel() else 0.0, 1.0)
    words = f"Coefficients computed again from the inner products agree to {apart:.1e}"
    return merge, [*findings, Finding(apart <= limit, f"{words} (allowed: {limit:.0e}).")]


def _heads(folder: Path, predicate: dict, merge: Merge, bench: Bench | None) -> list[Finding]:
    """Whether refitted heads beside the weights are those that the rows of kept tasks lead to."""
    if merge.recipe.heads is None or not merge.recipe.tasks:
        return []
    if bench is None:
        return [Finding(True, "Its heads are as signed; only a zoo with rows fits them again.")]
    told = "".join(
        row["words"] for row in predicate["closure"] if row["artefact"] == "refitted heads"
    )
    findings, apart = [], 0.0
    for name, (_, digest) in merge.heads.found.rows.items():
        if digest not in told:
            words = f"The zoo's rows of '{name}' are not those that its head was fitted on."
            findings.append(Finding(False, words))
        head = bench.fits.heads.tasks(merge)[name].head
        written = folder / "heads" / name / HEAD_FILES[0]
        if head is None or not written.is_file():
            findings.append(Finding(False, f"The bundle holds no head of '{name}'."))
            continue
        apart = max(apart, _apart(head.tensors, tensors_of(written)))
    words = "Heads fitted again on the rows of the kept tasks: "
    words += f"{apart:.1e} apart (allowed: {_HEADS:g})." if apart else "the same numbers."
    return [*findings, Finding(apart <= _HEADS, words)]


def _apart(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Largest difference of tensors, in shares of their largest number."""
    if {n: x.shape for n, x in one.items()} != {n: x.shape for n, x in other.items()}:
        return math.inf
    largest = max((float(x.abs().max()) for x in one.values()), default=1.0)
    far = max((float((x - other[n]).abs().max()) for n, x in one.items()), default=0.0)
    return far / max(largest, 1e-30)


def _tokens(folder: Path, merge: Merge) -> list[Finding]:
    """Whether a bundle's tokenizer is the base's and the tokens that join, if it may have any."""
    if merge.recipe.vocabulary != UNION:
        return []
    union, written = merge.union, open_checkpoint(folder)
    expected = dict(vocabulary(merge.base) or {}) | dict(union.places)
    found = vocabulary(written) or {}
    other = {token: 0 for token in (*expected, *found) if expected.get(token) != found.get(token)}
    flags = added_tokens(written) if union.places else {}
    other |= {each: 0 for each in union.places if flags.get(each) != union.flags[each]}
    if other:
        words = "Its tokenizer is not what the inputs' tokenizers make: it differs in "
        return [Finding(False, f"{words}{counted(other)}.")]
    if not found:
        return []
    joined = f"{len(found):,} tokens, {len(union.places):,} of which joined"
    return [Finding(True, f"Its tokenizer is what the inputs' tokenizers make: {joined}.")]


def _same(root: str, predicate: dict, what: str) -> Finding:
    expected = predicate["result"]["weights_root"]
    if root == expected:
        return Finding(True, f"Computed again from {what}: the same weights root {root[:16]}…")
    words = f"Computed again from {what}: weights root {root[:16]}…, certified {expected[:16]}…"
    return Finding(False, words)


def _derived(folder: Path, merge: Merge, predicate: dict, progress: Progress) -> Finding:
    """The root of a method that derives its vectors; another machine may differ by rounding."""
    found = _same(rebuilt_root(merge, progress), predicate, "the recipe")
    if found.good or predicate["counterfactual"]["promise"].endswith("every machine"):
        return found
    share = _distance(open_checkpoint(folder).tensor, merge)
    words = (
        f"Computed again from the recipe: other bits, {share:.1e} of the merged change apart. "
        f"This method promises its bits on one kind of machine, elsewhere {_WITHIN:g}."
    )
    return Finding(share <= _WITHIN, words)


def _distance(written: Callable[[str], Tensor], merge: Merge) -> float:
    """‖written − computed‖ / ‖computed − base‖ over all floating-point tensors."""
    apart = change = 0.0
    for name, entry in merge.base.weights.entries.items():
        if entry.floating:
            made = (piece.to(torch.float64, copy=True) for piece in written_pieces(merge, name))
            computed = torch.cat([*made])
            apart += float((computed - written(name).flatten()).square().sum())
            base = merge.base.tensor(name).flatten()
            change += float((computed[: len(base)] - base).square().sum())
    return math.sqrt(apart / change) if change else math.inf


def _mixing(merge: Merge, recorded: dict) -> Tensor:
    """The mixing that a certificate recorded, in the order of the merge's tensors and tasks.

    Raises:
        BadCertificate: it is not of these tensors and tasks, or no numbers.
    """
    if recorded["tasks"] != list(merge.deltas.tasks):
        raise BadCertificate("The recorded coefficients are of other tasks than the recipe's.")
    try:
        rows = [[float.fromhex(x) for x in row] for row in recorded["rows"]]
        chosen = [rows[recorded["tensors"][name]] for name in merge.deltas.names]
        if any(len(row) != len(merge.deltas) for row in chosen):
            raise ValueError
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        raise BadCertificate("The recorded coefficients are not of this base's tensors.") from None
    return torch.tensor(chosen, dtype=torch.float64).reshape(len(chosen), len(merge.deltas))
