"""Checks an unmerge certificate against its bundle, offline: one file, `cryptography` only.

    python -I verify_certificate.py BUNDLE CERTIFICATE PUBLIC_KEY

BUNDLE is the exported folder, CERTIFICATE its certificate.dsse.json, PUBLIC_KEY a PEM file. The
key and this script must reach you by another channel than the bundle. Each line begins with OK,
FAILED or NOTE; the last repeats what is claimed and who signed. The exit status is 0 if the
certificate is genuine and about these files, 1 if anything failed, 2 if the arguments are wrong.
A genuine certificate can say "fail", so read the last line; its sentences are this program's own,
by claim, verdict and origin, and not the signer's.
"""

import base64
import hashlib
import json
import math
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import BufferedReader
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:mdm-oc-studio:unmerge-certificate:v1"
STATE_TYPE = "urn:mdm-oc-studio:state-certificate:v1"  # of a task that left a state of sums
DEMO_WORDS = "DEMO KEY: identity not established"
CERTIFICATE = "certificate.dsse.json"  # the only file of a bundle that the certificate cannot list
LARGEST = 16 * 2**20  # bytes of a certificate, an index or a header
MOST = 4  # signatures of a certificate
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
VERSION = 2  # of the form that statements have; one without a version has the first
EXACT = "exact-leave-one-out"
UNDECLARED = "weights-rebuilt-coefficients-undeclared"
CARRIED_OVER = "weights-rebuilt-coefficients-carried-over"
ALGEBRAIC = "algebraic-approximate"
REBUILT = (EXACT, UNDECLARED, CARRIED_OVER)
EXACT_ORIGINS = ("set by a person", "defaults", "found without it")
ORIGINS = {
    "set by a person": "exact for coefficients set by a person",
    "defaults": "exact for defaults: the method's, or the mixer's start for its number of tasks",
    "found without it": "exact, with coefficients found by the kept tasks alone",
    "undeclared": "weights rebuilt; where the coefficients come from is undeclared",
    "carried over": "weights rebuilt; the coefficients are carried over from before",
}
"""How far a statement goes, by where the coefficients come from."""
MEANINGS = {
    (EXACT, "pass"): "The signer states that a separate process, which was not given what was "
    "removed, computed the same weights.",
    (EXACT, "fail"): "A check failed, so nothing is called removed.",
    (UNDECLARED, "undeclared"): "Nothing says where the coefficients come from: no exact removal.",
    (UNDECLARED, "fail"): "A check failed, so nothing is called removed.",
    (CARRIED_OVER, "fail"): "The coefficients knew what was removed: no exact removal.",
    (ALGEBRAIC, "fail"): "What was removed had a part in these weights: no exact removal.",
}
"""What a claim with its verdict means: a verifier says this, and not the signer's words."""
STATE_MEANINGS = {
    "S1": "The signer states that the state and its model, built again from the checkpoints of the "
    "kept tasks alone, had the same bits.",
    "S2": "The signer states that the log quoted the same root for the kept tasks before what was "
    "removed came; for this certificate nobody built the state again.",
}
"""What a state's certificate means, by the first of its checks of record that passed."""
DENIALS = ("cannot be called removed", "this is no exact removal", "subtracted, not removed")
RESULTS = ("pass", "fail", "not run", "information")
STATES = ("rebuilt", "not used", "carried over", "fixed by the recipe", "declared", "undeclared")
ARTEFACTS = (
    "inner products, basis, derived vectors, statistics of rows, coefficients, fisher, replay, "
    "BatchNorm statistics, heads and labels"
)
OF_A_SEARCH = "coefficients, fisher, replay"  # artefacts whose inputs a search has named
UNDECLARED_START = "undeclared start"
SET_BY = {"", "person", "default"}
MOSTLY = 0.98  # share of a removed change in the kept ones from which on A4 does not pass
DTYPES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"}
_KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
}

FIELDS = {
    "": "_type text, subject [object], predicateType text, predicate object",
    "subject.*": "name text, digest object",
    "subject.*.digest": "sha256 digest",
    "predicate": "version count since 2, id text, claim text, operation text, verdict object, "
    "result object, removed [object], added [object], request object, counterfactual object, "
    "resolvedDependencies [object], builder object, closure [object], checks [object], "
    "limits object, copies object, recipients [text], log object, predecessor digest?, "
    "signer object",
    "predicate.verdict": "result text, words text",
    "predicate.result": "weights_root digest, dtype text, compute_dtype text, tensors count, "
    "parameters count, format text, bytes count",
    "predicate.removed.*": "task text, digest digest, weights_root digest, files {digest}, "
    "kind text, position count, of count, coefficient coefficient, raw_coefficient object, "
    "fingerprint text since 2",
    "predicate.removed.*.raw_coefficient": "full [number]?, algebraic [number]?, exact [number]?",
    "predicate.added.*": "task text, digest digest, weights_root digest, files {digest}, kind text",
    "predicate.request": "reference text, reason text, received text?, completed text, "
    "granularity text",
    "predicate.counterfactual": "recipe object, recipe_digest digest, order [text], "
    "coefficients object, vectors text, mixing object, rounding text, promise text",
    "predicate.counterfactual.recipe": "base digest, tasks [object], method text, "
    "options {value?}, options_set_by? text, dtype? text, batch_norm? text, "
    "vocabulary? text, calibrate? object, heads? object, seed count, fitted? object",
    "predicate.counterfactual.recipe.calibrate": "rows count, share number, pull number, "
    "length? number",
    "predicate.counterfactual.recipe.heads": "rows count, pull number",
    "predicate.counterfactual.recipe.tasks.*": "name text, digest digest, coefficient coefficient, "
    "set_by? text",
    "predicate.counterfactual.recipe.fitted": "by text, seed count, tasks {digests}, "
    "used? [text], options? [text]",
    "predicate.counterfactual.coefficients": "policy text, words text, fitted object?, "
    "origin text since 2",
    "predicate.counterfactual.coefficients.fitted": "by text, seed count, tasks {digests}, "
    "used? [text], options? [text]",
    "predicate.counterfactual.mixing": "tasks [text], rows [[hex]], tensors {count}",
    "predicate.resolvedDependencies.*": "role text, name text, digest digest, weights_root digest, "
    "files {digest}, kind text, source text, license text?, initialised_from text?, verified flag",
    "predicate.builder": "studio text, torch text, numpy text, python text, machine text, "
    "system text, cpu_capability text",
    "predicate.closure.*": "artefact text, state text, inputs [text], words text",
    "predicate.checks.*": "id text, title text, reference text, value measured, unit text, "
    "result text, threshold text, words text, n count?, low number?, high number?",
    "predicate.limits": "shows text, does_not_show [text], approximate text?",
    "predicate.copies": "holding [object], caches text, backups text",
    "predicate.copies.holding.*": "id text, name text, weights_root digest, made text, state text",
    "predicate.log": "entries count, head digest",
    "predicate.signer": "name text, fingerprint digest, demo flag, time text, time_source text",
}
"""What every object of a statement holds, in the order of reading: name, type, first version.

``*`` in a path is every entry of a list. ``name?`` may be missing, ``type?`` may be null,
``[type]`` is a list and ``{type}`` an object with any names; ``since 2`` is not asked of a
statement of version 1. ``TYPES`` says what each type is. More fields than these do no harm.
"""
_HELD = "root digest, file digest, tasks [object]"
_TASK = "name text, digest digest, coefficient hex, statistics text, terms digest"
_SHARED = ("verdict", "result", "request", "builder", "checks.*", "limits", "copies",
           "copies.holding.*", "log", "signer")  # fmt: skip
STATE_FIELDS = {
    **{path: FIELDS[path] for path in ("", "subject.*", "subject.*.digest")},
    "predicate": "version count, id text, claim text, operation text, verdict object, "
    "result object, removed [object], request object, state object, builder object, "
    "checks [object], limits object, copies object, recipients [text], log object, "
    "predecessor digest?, signer object",
    "predicate.removed.*": "task text, digest digest, weights_root digest?, coefficient hex, "
    "statistics text, terms digest, fingerprint text, by text, receipt digest?",
    "predicate.state": "method text, options {value?}, base digest, coarser number, "
    "scales digest, settings digest, before object, after object",
    "predicate.state.before": _HELD,
    "predicate.state.before.tasks.*": _TASK,
    "predicate.state.after": _HELD,
    "predicate.state.after.tasks.*": _TASK,
    **{f"predicate.{path}": FIELDS[f"predicate.{path}"] for path in _SHARED},
}
"""The same of a certificate of a state of sums."""


class Refused(Exception):
    """A key, certificate or bundle is not what it must be; the text is a sentence."""


def _is_text(value: object) -> bool:
    return type(value) is str and not re.search("[\ud800-\udfff]", value)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore


def _is_coefficient(value: object) -> bool:
    if type(value) is dict and value.keys() == {"default", "groups"}:
        return _is_number(value["default"]) and _is(value["groups"], "{number}")
    return _is_number(value)


def _is_hex(value: object) -> bool:
    try:
        return type(value) is str and abs(float.fromhex(value)) < float("inf")
    except (ValueError, OverflowError):
        return False


TYPES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "object": ("an object", lambda value: type(value) is dict),
    "text": ("text", _is_text),
    "flag": ("true or false", lambda value: type(value) is bool),
    "count": ("a whole number from 0", lambda value: type(value) is int and 0 <= value < 2**63),
    "number": ("a finite number", _is_number),
    "digest": (
        "64 hex digits",
        lambda value: type(value) is str and re.fullmatch("[0-9a-f]{64}", value) is not None,
    ),
    "digests": (
        "text, or a list of text",
        lambda value: (
            _is_text(value) or (type(value) is list and bool(value) and all(map(_is_text, value)))
        ),
    ),
    "hex": ("a finite number as hexadecimal text", _is_hex),
    "coefficient": ("a number, or a number and those of groups", _is_coefficient),
    "measured": (
        "a finite number, text or null",
        lambda value: value is None or _is_text(value) or _is_number(value),
    ),
    "value": (
        "a finite number, text, true or false",
        lambda value: type(value) is bool or _is_text(value) or _is_number(value),
    ),
}  # fmt: skip


def pae(payload_type: str, body: bytes) -> bytes:
    """The bytes that a DSSE signature covers (pre-authentication encoding, version 1)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def read_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """An ECDSA P-256 public key; every other type is refused by name."""
    if len(pem) > LARGEST:
        raise Refused(f"The public key has more than {LARGEST:,} bytes; it is no such file.")
    try:
        public = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("The public key cannot be read; it must be a PEM file.") from None
    if not (isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"):
        name = type(getattr(public, "curve", public)).__name__
        raise Refused(f"The public key is of the type {name}; it must be ECDSA P-256.")
    return public


def fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """Sha256 of the public key (its SubjectPublicKeyInfo in DER), in hex."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def is_signed(public: ec.EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    """Whether this key signed exactly this content (ECDSA with SHA-256, DER)."""
    try:
        public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def open_envelope(envelope: bytes, public_pem: bytes) -> dict:
    """The statement in a DSSE envelope, after its signature and its fields were checked.

    Raises:
        Refused: no signature is by this key, or what it signed is no certificate that names it.
    """
    public = read_public_key(public_pem)
    own, (body, signatures) = fingerprint(public), _envelope(envelope)
    fitting = [
        numbers
        for _, each in signatures
        if (numbers := _halves(each)) and is_signed(public, each, pae(PAYLOAD_TYPE, body))
    ]
    if not fitting:
        keys = [keyid[:64] for keyid, _ in signatures]
        if own in keys:
            raise Refused("The signature does not fit: the certificate was changed after signing.")
        raise Refused(f"It is signed by {', '.join(keys) or 'no key'}, not by your key {own}.")
    statement = _parse(body, "The signed statement")
    known = (PREDICATE_TYPE, STATE_TYPE)
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") not in known:
        raise Refused("What was signed is no unmerge certificate of this kind.")
    if sentence := next(faults(statement), None):
        raise Refused(sentence)
    if _version(statement) > 1 and not any(map(_is_low, fitting)):
        raise Refused("The signature was turned into its other form, with s above half the order.")
    named = statement["predicate"]["signer"]["fingerprint"]
    if named != own:
        raise Refused(f"It names {named[:64]} as the key that signs, but {own} signed it.")
    return statement


def payload(envelope: bytes) -> bytes:
    """The signed bytes of an envelope, by whose sha256 the log knows a certificate.

    Raises:
        Refused: it is no envelope.
    """
    return _envelope(envelope)[0]


def faults(statement: dict, version: int | None = None) -> Iterator[str]:
    """Where a statement lacks one of ``FIELDS`` or has it in another type, as sentences.

    Only the first is sure: where it is an object that is no object, the next cannot be looked for.

    Args:
        statement: that was signed.
        version: whose fields are asked for; None takes the statement's own.

    Raises:
        Refused: the statement is of a version that is not known here.
    """
    version = version or _version(statement)
    for path, fields in (STATE_FIELDS if is_of_state(statement) else FIELDS).items():
        objects = _at(statement, path)
        for field in fields.split(", "):
            name, kind, *since = field.split()
            if since and version < int(since[-1]):
                continue
            key, optional = name.removesuffix("?"), name.endswith("?")
            for each in objects:
                if not (_is(each[key], kind) if key in each else optional):
                    where = f"{path}.{key}".strip(".")
                    yield f"The field {where!r} is missing or is not {type_words(kind)}."
                    break


def is_of_state(statement: dict) -> bool:
    """Whether a statement is of a task that left a state of sums."""
    return statement.get("predicateType") == STATE_TYPE


def type_words(kind: str) -> str:
    """What a type of ``FIELDS`` is, for a sentence."""
    if kind.endswith("?"):
        return f"{type_words(kind[:-1])}, or null"
    if kind.startswith("["):
        return f"a list, each of it {type_words(kind[1:-1])}"
    if kind.startswith("{"):
        return f"an object, each value of it {type_words(kind[1:-1])}"
    return TYPES[kind][0]


def notes(envelope: bytes, statement: dict) -> list[str]:
    """What must not be overlooked although it is no contradiction, as sentences.

    Rules of today that a certificate of an earlier version does not meet; and a copy with a removed
    checkpoint that has the weights of the result, as where it had no effect on that copy.
    """
    predicate = _field(statement, "predicate")
    root = _field(_field(predicate, "result"), "weights_root", str)
    same = [
        f"The result has the weights of the copy {each.get('name')}, which holds what was removed."
        for each in _list(_field(predicate, "copies"), "holding")
        if each.get("weights_root") == root
    ]
    if _version(statement) == VERSION:
        return same
    found = [*faults(statement, VERSION)]
    numbers = [_halves(each) for _, each in _envelope(envelope)[1]]
    if not all(_is_low(each) for each in numbers if each):
        found.append("The signature has an s above half the order of the curve.")
    before = f"It was written before version {VERSION}, and does not meet a rule of today: "
    return same + [before + each for each in found]


def problems(folder: Path, statement: dict) -> list[str]:
    """What differs between a bundle and its certificate, as sentences; links are never right.

    Names from the certificate are compared with those found in the folder, never opened.
    """
    found: list[str] = []
    try:
        subjects = _subjects(statement, found)
        folders = {name[:i] for name in subjects for i, each in enumerate(name) if each == "/"}
        missing, files = {*subjects}, {*subjects, CERTIFICATE}
        for name, path, mode in _walk(folder):
            missing.discard(name)
            if stat.S_ISLNK(mode):
                found.append(f"{name} is a link; a bundle holds the files themselves.")
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                found.append(f"{name} is not a regular file.")
            elif name not in (folders if stat.S_ISDIR(mode) else files):
                found.append(f"{name} is in the bundle, but not in the certificate.")
            elif name in subjects:
                with _open(path) as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != subjects[name]:
                        found.append(f"{name} was changed: it is not the file that was signed.")
        found += [f"The file {name} is missing." for name in sorted(missing)]
        if not found:
            found += _of_weights(folder, statement)
    except (OSError, Refused) as problem:
        found.append(_sentence(problem))
    return found


def weights_root(folder: Path) -> str:
    """Digest of the weights alone: sha256 over a line of JSON for each tensor, by its name.

    A line is ``["name","F32",[2,3],"sha256 of the tensor's bytes"]`` and a newline; metadata and
    the way tensors are split into files do not count.
    """
    return _root(_weights(folder))


def _root(tensors: list[tuple[str, str, list, str, int]]) -> str:
    lines = (json.dumps(each[:4], separators=(",", ":")) + "\n" for each in tensors)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _weights(folder: Path) -> list[tuple[str, str, list, str, int]]:
    """Name, dtype, shape, sha256 and bytes of every tensor, in the order of the names."""
    index, listed = "model.safetensors.index.json", {}
    if os.path.lexists(folder / index):
        listed = _field(_parse(_read(folder / index), index), "weight_map")
    tensors: list[tuple[str, str, list, str, int]] = []
    for file in sorted({*map(str, listed.values())}) or ["model.safetensors"]:
        if not re.fullmatch(r"[\w.-]+\.safetensors", file):
            raise Refused(f"{index} names the file {file!r}, which is no file of weights.")
        tensors += _tensors(folder / file)
    return sorted(tensors)


def _of_weights(folder: Path, statement: dict) -> Iterator[str]:
    """The result is described as the file has it: root, tensors, numbers, bytes and dtype."""
    predicate = _field(statement, "predicate")
    result, mixed = _field(predicate, "result"), {}
    if not is_of_state(statement):
        mixed = _field(_field(_field(predicate, "counterfactual"), "mixing"), "tensors")
    tensors = _weights(folder)
    if _root(tensors) != _field(result, "weights_root", str):
        yield "The weights do not have the root that the certificate states."
    for name, count in (
        ("tensors", len(tensors)),
        ("parameters", sum(math.prod(shape) for _, _, shape, _, _ in tensors)),
        ("bytes", sum(size for *_, size in tensors)),
    ):
        if _field(result, name, int) != count:
            yield f"The certificate states {result[name]:,} {name}, but the weights have {count:,}."
    dtypes = {name: dtype for name, dtype, *_ in tensors}
    for name in mixed.keys() - dtypes:
        yield f"There are coefficients of {name}, which is no tensor of the weights."
    dtype = DTYPES.get(str(result.get("dtype")))
    if dtype and not {dtypes[name] for name in mixed.keys() & dtypes} <= {dtype}:
        yield f"The certificate states the dtype {result['dtype']}, but the weights have another."


def contradictions(statement: dict) -> list[str]:
    """Where a statement speaks against itself although it is signed, as sentences."""
    found: list[str] = []
    rules = (
        _verdict, _measured, _left_out, _traced, _hidden, _known, _twice, _sources, _result,
        _places, _words, _numbers, _dates,
    )  # fmt: skip
    if is_of_state(statement):
        rules = (_exact, _checked, _kept, _settings, _shown, _dates)
    for rule in rules:
        try:
            found += rule(_field(statement, "predicate"))
        except Refused as problem:
            found.append(str(problem))
        except RecursionError:
            found.append("It is nested too deeply to be compared.")
    return list(dict.fromkeys(found))


def _verdict(predicate: dict) -> Iterator[str]:
    """Only an exact claim passes, with its rebuild (A1) and without a failed check."""
    claim = _field(predicate, "claim", str)
    verdict = _field(_field(predicate, "verdict"), "result", str)
    checks = [(_field(x, "id", str), _field(x, "result", str)) for x in _list(predicate, "checks")]
    known = verdict in ("pass", "fail") or (verdict, claim) == ("undeclared", UNDECLARED)
    if claim not in (*REBUILT, ALGEBRAIC) or not known:
        yield f"The claim {claim!r} or the verdict {verdict!r} is unknown."
    if verdict == "pass" and claim != EXACT:
        yield f"The verdict is 'pass', but the claim is {claim!r}."
    if verdict != "fail" and ("A1", "pass") not in checks:
        yield f"The verdict is {verdict!r}, but no check A1, the independent rebuild, passed."
    for name, result in checks:
        if result not in RESULTS:
            yield f"The result {result!r} of check {name} is unknown."
        if result == "fail" and verdict != "fail":
            yield f"Check {name} failed, but the verdict is {verdict!r}."
        if result == "fail" and claim in (EXACT, UNDECLARED) and name in ("A1", "A2", "A3"):
            yield f"The claim is {claim}, but check {name} failed."


def _measured(predicate: dict) -> Iterator[str]:
    """Every check of a rebuilt model is there, and those that passed have a value that passes."""
    if predicate.get("claim") not in REBUILT:
        return
    verdict = _field(_field(predicate, "verdict"), "result", str)
    checks = [
        (_field(x, "id", str), x.get("result"), x.get("value")) for x in _list(predicate, "checks")
    ]
    for name, result, value in checks:
        if result == "pass" and not _passes(name, value):
            yield f"Check {name} passed with the value {str(value)[:40]!r}, which does not pass."
    if verdict == "fail":
        return
    passed = Counter(name for name, result, _ in checks if result == "pass")
    wanted = {"A2": 1, "A3": 1, "B1": 1}
    if "version" in predicate:  # the first form had no A4
        wanted["A4"] = len(_list(predicate, "removed"))
    for name, count in wanted.items():
        if passed[name] < count:
            yield f"The verdict is {verdict!r}, but {passed[name]} of {count} checks {name} passed."
    for name in sorted({"B2", "C1", "C2", "D1"} - {each for each, _, _ in checks}):
        yield f"The verdict is {verdict!r}, but there is no check {name}."


def _passes(check: str, value: object) -> bool:
    """Whether a check of a rebuilt model may pass with this value."""
    if check in ("A1", "A2"):
        return value == {"A1": "equal", "A2": "absent"}[check]
    if check not in ("A3", "A4", "B1"):
        return True
    try:
        number = float(value) if type(value) in (int, float, str) else None  # type: ignore
    except (ValueError, OverflowError):
        number = None
    if number is None:
        return check == "B1" and value is None  # nothing is merged any more
    return 0 <= number < MOSTLY if check == "A4" else number == 0


def _left_out(predicate: dict) -> Iterator[str]:
    """What was removed is no source of the weights, nor of the coefficients, nor a column there."""
    claim = predicate.get("claim")
    removed, added = _list(predicate, "removed"), _list(predicate, "added")
    names = {_field(each, "task", str) for each in removed}
    if claim not in REBUILT:
        return
    if not removed:
        yield "It names nothing that was removed."
    without = _field(predicate, "counterfactual")
    gone = {_field(each, key, str) for each in removed for key in ("digest", "weights_root")}
    sources = _list(predicate, "resolvedDependencies") + added
    if "version" in predicate:  # a rule that the first form did not have
        copies = _list(_field(predicate, "copies"), "holding")
        holding = {_field(each, "weights_root", str): _field(each, "name", str) for each in copies}
        for entry in sources:
            if name := holding.get(str(entry.get("weights_root"))):
                yield f"The source {entry.get('name', entry.get('task'))} is the copy {name}."
    for entry in sources + _list(_field(without, "recipe"), "tasks"):
        if gone & {_field(entry, "digest", str), str(entry.get("weights_root"))}:
            yield f"A removed checkpoint is a source: {entry.get('name', entry.get('task'))}."
    order, mixing = _list(without, "order", str), _field(without, "mixing")
    tasks = _list(mixing, "tasks", str)
    for name in sorted((names - {str(each.get("task")) for each in added}) & {*tasks}):
        yield f"The coefficients have a column for the removed task {name}."
    if order != tasks:
        yield f"The order is {', '.join(order)}, but the coefficients are of {', '.join(tasks)}."
    if not all(len(row) == len(tasks) for row in _list(mixing, "rows", list)):
        yield f"A row of coefficients does not have one for each of the {len(tasks)} tasks."


def _traced(predicate: dict) -> Iterator[str]:
    """The claim is what the table of dependencies allows, and nothing removed is an input there."""
    claim, rows = predicate.get("claim"), _list(predicate, "closure")
    states = [(_field(row, "artefact", str), _field(row, "state", str)) for row in rows]
    names = {_field(each, "task", str) for each in _list(predicate, "removed")}
    for row, (artefact, state) in zip(rows, states, strict=True):
        inputs = {*_list(row, "inputs", str)}
        if state == "carried over" and claim in (EXACT, UNDECLARED):
            of = f" of {', '.join(sorted(names & inputs or inputs))}" * bool(inputs)
            yield f"The claim is {claim}, but {artefact}{of} is carried over."
    if "version" not in predicate:
        return
    carried = {artefact for artefact, state in states if state == "carried over"}
    open_ = "undeclared" in {state for _, state in states}
    allowed = ALGEBRAIC if carried else UNDECLARED if open_ else EXACT
    allowed = CARRIED_OVER if carried == {"coefficients"} else allowed
    if claim != allowed:
        yield f"The claim is {claim}, but what was computed with which tasks allows {allowed}."
    yield from (
        f"The state {state!r} of {x} is unknown." for x, state in states if state not in STATES
    )
    yield from (f"Nothing is said of {x}." for x in ARTEFACTS.split(", ") if x not in dict(states))
    if claim in (EXACT, UNDECLARED):
        yield from _inputs(predicate, names)


def _inputs(predicate: dict, names: set[str]) -> Iterator[str]:
    """No removed task is an input; a search may have called a kept checkpoint by its name."""
    recipe = _field(_field(predicate, "counterfactual"), "recipe")
    names = names - {_field(each, "task", str) for each in _list(predicate, "added")}
    kept = {_field(each, "digest", str) for each in _list(recipe, "tasks")}
    fitted = _of_search(recipe["fitted"]) if recipe.get("fitted") else []
    called = {name for name, digest in fitted if digest in kept}
    for row in _list(predicate, "closure"):
        inputs = names & {*_list(row, "inputs", str)}
        if row.get("artefact") in OF_A_SEARCH.split(", "):
            inputs -= called
        if inputs and row.get("state") != "carried over":
            gone = ", ".join(sorted(inputs))
            yield f"What was removed is an input of {row.get('artefact')}: {gone}."


def _hidden(predicate: dict) -> Iterator[str]:
    """No digest of what was removed stands where only kept checkpoints belong."""
    claim, without = predicate.get("claim"), _field(predicate, "counterfactual")
    if claim not in (EXACT, UNDECLARED):
        return
    removed, recipe = _list(predicate, "removed"), _field(without, "recipe")
    gone = {_field(each, key, str) for each in removed for key in ("digest", "weights_root")}
    rows = [[row.get("artefact"), row.get("inputs")] for row in _list(predicate, "closure")]
    rest = {key: each for key, each in recipe.items() if key not in ("base", "tasks")}
    said = without.get("coefficients")
    for where, part in (("recipe", rest), ("coefficients", said), ("closure", rows)):
        if any(digest in text.lower() for text in _texts(part) for digest in gone):
            yield f"The digest of a removed checkpoint stands in the {where}."


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, names of fields among them."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each


def _known(predicate: dict) -> Iterator[str]:
    """Coefficients of a rebuilt model know the checkpoints in it and no others, by digest."""
    claim, without = predicate.get("claim"), _field(predicate, "counterfactual")
    if claim not in REBUILT:
        return
    recipe, said = _field(without, "recipe"), _field(without, "coefficients")
    kept = {_field(each, "digest", str) for each in _list(recipe, "tasks")}
    if recipe.get("fitted") != said.get("fitted"):
        yield "The recipe and its coefficients name two searches."
    fitted = _of_search(said["fitted"]) if said.get("fitted") else []
    strange = sorted({name for name, digest in fitted if digest not in kept})
    if strange and claim != CARRIED_OVER:
        yield (
            f"The claim is {claim}, but the coefficients know {', '.join(strange)}, a checkpoint "
            "that is not in the result."
        )
    if "origin" in said:  # older statements do not say it
        yield from _origin(claim, said, fitted, recipe)


def _origin(claim: object, said: dict, fitted: list, recipe: dict) -> Iterator[str]:
    """What is said of where the coefficients come from fits the claim and the recipe."""
    origin = said["origin"]
    expected = {EXACT: EXACT_ORIGINS, UNDECLARED: ("undeclared",), CARRIED_OVER: ("carried over",)}
    if origin not in expected.get(str(claim), ()):
        yield f"The claim is {claim}, but the coefficients are said to be {origin!r}."
    searched = origin in ("found without it", "carried over")
    named = bool(fitted) if searched else bool(said.get("fitted"))
    if named != searched and origin != "undeclared":
        what = "a search is named" if named else "no search is named"
        yield f"The coefficients are said to be {origin!r}, but {what}."
    used = (said.get("fitted") or {}).get("used")
    if claim == EXACT and type(used) is list and UNDECLARED_START in used:
        yield f"The claim is {claim}, but the search began at numbers that are undeclared."
    tasks = _list(recipe, "tasks")
    alone = {str(each.get("digest")) for each in tasks if not each.get("set_by")}
    if origin == "found without it" and not alone <= {digest for _, digest in fitted}:
        yield f"The coefficients are said to be {origin!r}, but not all took part in the search."
    set_by = {str(each.get("set_by", "")) for each in tasks}
    yield from (f"The word {x!r} for who set a number is unknown." for x in sorted(set_by - SET_BY))
    if origin in ("set by a person", "defaults") and "" in set_by:
        yield f"The coefficients are said to be {origin!r}, but the recipe does not say so of each."
    if origin == "defaults" and "person" in set_by:
        yield "The coefficients are said to be defaults, but the recipe names a person."


def _of_search(fitted: object) -> list[tuple[str, str]]:
    """Name and digest of every checkpoint that took part in a search."""
    tasks = _field(_field({"fitted": fitted}, "fitted"), "tasks")
    pairs = []
    for name, found in tasks.items():
        digests = found if isinstance(found, list) else [found]
        pairs += [(name, _field({"digest": each}, "digest", str)) for each in digests]
    return pairs


def _twice(predicate: dict) -> Iterator[str]:
    """Nothing is told twice but A4 and C1, the checks that there are for every removed task."""
    recipe = _field(_field(predicate, "counterfactual"), "recipe")
    sources = [x for x in _list(predicate, "resolvedDependencies") if x.get("role") == "task"]
    for what, entries, key in (
        ("removed task", _list(predicate, "removed"), "task"),
        ("added task", _list(predicate, "added"), "task"),
        ("task of the recipe", _list(recipe, "tasks"), "name"),
        ("source", sources, "name"),
        ("artefact", _list(predicate, "closure"), "artefact"),
        ("check", [x for x in _list(predicate, "checks") if x.get("id") not in ("A4", "C1")], "id"),
    ):
        counts = Counter(_field(each, key, str) for each in entries)
        yield from (f"The {what} {name} stands there twice." for name in counts if counts[name] > 1)


def _sources(predicate: dict) -> Iterator[str]:
    """Recipe, order and sources are of the same checkpoints; every tensor has its row."""
    without = _field(predicate, "counterfactual")
    recipe, mixing = _field(without, "recipe"), _field(without, "mixing")
    tasks = [(_field(x, "name", str), _field(x, "digest", str)) for x in _list(recipe, "tasks")]
    given: dict[str, list[tuple[str, str]]] = {"base": [], "task": []}
    for each in _list(predicate, "resolvedDependencies"):
        role = _field(each, "role", str)
        given.setdefault(role, []).append((_field(each, "name", str), _field(each, "digest", str)))
    if [digest for _, digest in given["base"]] != [_field(recipe, "base", str)]:
        yield "The base of the recipe is not the base among the sources."
    if given["task"] != tasks:
        yield "The checkpoints of the recipe are not those among the sources."
    added = [_field(each, "digest", str) for each in _list(predicate, "added")]
    if not {*added} <= {digest for _, digest in tasks}:
        yield "A checkpoint that was added is not in the recipe."
    if (predicate.get("operation") == "replace") != bool(added):
        yield f"The operation is {predicate.get('operation')!r}, but {len(added)} were added."
    if _list(without, "order", str) != [name for name, _ in tasks]:
        yield "The order is not that of the recipe."
    rows = len(_list(mixing, "rows", list))
    for name, row in _field(mixing, "tensors").items():
        if type(row) is not int or not 0 <= row < rows:
            yield f"The tensor {name} has a row of coefficients that is not there."


def _result(predicate: dict) -> Iterator[str]:
    """The result is no other model that the statement names, and has what was mixed."""
    result, without = _field(predicate, "result"), _field(predicate, "counterfactual")
    root, mixed = (
        _field(result, "weights_root", str),
        len(_field(_field(without, "mixing"), "tensors")),
    )
    tensors, numbers, size = (_field(result, x, int) for x in ("tensors", "parameters", "bytes"))
    if tensors < mixed or size < numbers or (mixed and not numbers):
        yield (
            f"The result has {tensors:,} tensors, {numbers:,} parameters and {size:,} bytes, but "
            f"{mixed:,} tensors were mixed."
        )
    if result.get("dtype") != (_field(without, "recipe").get("dtype") or "as the base"):
        yield f"The result has the dtype {result.get('dtype')}, and its recipe another."
    if predicate.get("claim") not in REBUILT:
        return
    for each in _list(predicate, "removed"):
        if root in (each.get("weights_root"), each.get("digest")):
            yield f"The result has the weights of the removed checkpoint {each.get('task')}."
    sources = _list(predicate, "resolvedDependencies")
    base = {str(each.get("weights_root")) for each in sources if each.get("role") == "base"}
    change = [x.get("value") for x in _list(predicate, "checks") if x.get("id") == "B1"]
    if root in base and change != [None]:  # an honest B1 has no value where nothing is merged
        yield "The result has the weights of the base, but check B1 compares it with a change."


def _places(predicate: dict) -> Iterator[str]:
    """What was removed had its place among the tasks, and is not what was kept."""
    removed, claim = _list(predicate, "removed"), predicate.get("claim")
    places = [(_field(x, "position", int), _field(x, "of", int)) for x in removed]
    if any(not 1 <= place <= count for place, count in places) or len({*places}) < len(places):
        yield "The places of what was removed are not among the tasks, or are the same."
    if claim not in REBUILT or "version" not in predicate:
        return
    count = len(_list(_field(predicate, "counterfactual"), "order", str))
    count += len(removed) - len(_list(predicate, "added"))
    if any(of != count for _, of in places):
        yield f"With what was removed there were {count} tasks, but it says another number."
    verdict = _field(_field(predicate, "verdict"), "result", str)
    kept = [x for x in _list(predicate, "resolvedDependencies") if x.get("role") == "task"]
    held = [(x.get("name"), {*map(str, _field(x, "files").values())}) for x in kept]
    for each in removed:
        name, files = each.get("task"), {*map(str, _field(each, "files").values())}
        if _field(each, "raw_coefficient").get("exact") is not None:
            yield f"The rebuilt model has a coefficient of the removed task {name}."
        for other, own in held if verdict != "fail" else ():
            if files and files == own:
                yield f"The files of the removed task {name} are those of the source {other}."


def _words(predicate: dict) -> Iterator[str]:
    """The statement's sentences are not those of another claim, verdict or origin."""
    claim, limits = predicate.get("claim"), _field(predicate, "limits")
    judged = _field(predicate, "verdict")
    verdict, words = _field(judged, "result", str), str(judged.get("words"))
    if (limits.get("approximate") is not None) != (claim == ALGEBRAIC):
        yield f"The claim is {claim}, but the limits are those of another."
    root = _field(_field(predicate, "result"), "weights_root", str)
    if root not in str(limits.get("shows")):
        yield "The limits are not about the weights root of the result."
    if verdict == "pass" and any(each in words for each in DENIALS):
        yield "The verdict is 'pass', but its words deny it."
    if "version" not in predicate:
        return
    said = _field(_field(predicate, "counterfactual"), "coefficients")
    origin, fitted = said.get("origin"), said.get("fitted")
    policy = f"found by {_field(said, 'fitted').get('by')}" if fitted else "fixed by the recipe"
    if said.get("policy") != policy:
        yield f"The policy of the coefficients is {said.get('policy')!r}, not {policy!r}."
    for other, sentence in ORIGINS.items():
        if said.get("words") == sentence and other != origin:
            yield f"The coefficients are said to be {origin!r}, but in words {other!r}."
        if sentence in words and (other != origin or verdict != "pass"):
            yield f"The verdict is {verdict!r} and the coefficients {origin!r}, but not its words."


def _numbers(predicate: dict) -> Iterator[str]:
    """The recipe has its digest."""
    without = _field(predicate, "counterfactual")
    known = recipe_digest(_field(without, "recipe"))
    if "version" in predicate and without.get("recipe_digest") != known:
        yield "The recipe does not have the digest that is stated of it."


def _dates(predicate: dict) -> Iterator[str]:
    """The request was not completed before it was received."""
    request = _field(predicate, "request")
    completed = _day(request.get("completed"))
    received = completed if request.get("received") is None else _day(request["received"])
    if completed is None or received is None:
        yield "A date of the request is no date."
    elif received > completed + timedelta(days=1):  # which is by UTC, and the other by a wall clock
        yield f"The request was completed on {completed}, before it was received on {received}."
    time = str(_field(predicate, "signer").get("time"))
    if completed is not None and not time.startswith(f"{completed}T"):
        yield f"The request was completed on {completed}, but signed at {time[:40]}."


def _exact(predicate: dict) -> Iterator[str]:
    """A state's certificate says one thing; whatever failed is not certified."""
    said = [predicate.get("claim"), predicate.get("operation")]
    said.append(_field(_field(predicate, "verdict"), "result", str))
    if said != [EXACT, "remove", "pass"]:
        yield f"Of a state, {', '.join(map(repr, said))} cannot be certified."
    words = str(_field(predicate, "verdict").get("words"))
    if any(each in words for each in DENIALS):
        yield "The verdict is 'pass', but its words deny it."


def _checked(predicate: dict) -> Iterator[str]:
    """One check of record passed and none failed, and what was subtracted is what was added."""
    found = {}
    for each in _list(predicate, "checks"):
        name, result = _field(each, "id", str), _field(each, "result", str)
        if name in found:
            yield f"The check {name} stands there twice."
        if result not in RESULTS:
            yield f"The result {result!r} of check {name} is unknown."
        if result == "fail":
            yield f"Check {name} failed, but the verdict is 'pass'."
        if result == "pass" and each.get("value") != "equal":
            value = str(each.get("value"))[:40]
            yield f"Check {name} passed with the value {value!r}, which does not pass."
        found[name] = result
    yield from (f"There is no check {x}." for x in ("S1", "S2", "S3") if x not in found)
    if "pass" not in (found.get("S1"), found.get("S2")):
        yield "Neither S1, the state built again, nor S2, the log, passed."
    if found.get("S3") != "pass":
        yield "The check S3, what was subtracted, did not pass."


def _kept(predicate: dict) -> Iterator[str]:
    """The state after has the tasks of the one before but those removed, as they came."""
    state, removed = _field(predicate, "state"), _list(predicate, "removed")
    before, after = (_field(state, each) for each in ("before", "after"))
    told, left = (_list(each, "tasks") for each in (before, after))
    names = [_field(each, "task", str) for each in removed]
    rest = [each for each in told if each.get("name") not in names]
    if not removed or rest != left or len(told) != len(left) + len(removed):
        yield "The tasks after the removal are not those before it without what was removed."
    for what, key in (("name", "name"), ("checkpoint", "digest")):
        counts = Counter(_field(each, key, str) for each in told)
        yield from (f"The {what} {x[:64]} is in the state twice." for x in counts if counts[x] > 1)
    held = {each.get("name"): each for each in told}
    for each in removed:
        mine = {key: each.get(key) for key in ("digest", "coefficient", "statistics", "terms")}
        if mine | {"name": each.get("task")} != held.get(each.get("task")):
            yield f"What left, {each.get('task')}, is not what was in the state before."
        gone = {each.get("digest"), each.get("weights_root")} - {None}
        if gone & {state.get("base"), *(other.get("digest") for other in left)}:
            yield f"The removed checkpoint {each.get('task')} is a source."
        if _field(_field(predicate, "result"), "weights_root", str) in gone:
            yield f"The result has the weights of the removed checkpoint {each.get('task')}."
        if each.get("by") not in ("receipt", "checkpoint"):
            yield f"What left did so by {str(each.get('by'))[:40]!r}, which is unknown."
        if (each.get("by") == "receipt") != (each.get("receipt") is not None):
            yield "A receipt is named exactly where what left did so by its receipt."
    for key in ("root", "file"):
        if _field(before, key, str) == _field(after, key, str):
            yield f"The state has the same {key} before and after the removal."


def _settings(predicate: dict) -> Iterator[str]:
    """The state's settings have the digest by which the log knows them."""
    state = _field(predicate, "state")
    settings = {key: state.get(key) for key in ("method", "options", "base", "coarser", "scales")}
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != state.get("settings"):
        yield "The settings of the state do not have the digest that is stated of them."


def _shown(predicate: dict) -> Iterator[str]:
    """The limits are about this state and these weights."""
    limits = _field(predicate, "limits")
    shows, state = str(limits.get("shows")), _field(predicate, "state")
    roots = (_field(predicate, "result").get("weights_root"), _field(state, "after").get("root"))
    if not all(str(root) in shows for root in roots) or limits.get("approximate") is not None:
        yield "The limits are not about the roots of the state and of its model."


def recipe_digest(recipe: dict) -> str:
    """The digest of a statement's recipe: numbers in one form, and groups in their order."""
    tasks = []
    for task in _list(recipe, "tasks"):
        given = _decimal(task.get("coefficient"))
        if isinstance(given, dict):
            groups = [[key, _decimal(x)] for key, x in _field(given, "groups").items()]
            given = {"default": _decimal(given.get("default")), "groups": groups}
        tasks.append(task | {"coefficient": given})
    options = {key: _decimal(x) for key, x in _field(recipe, "options").items()}
    text = json.dumps(recipe | {"tasks": tasks, "options": options}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _decimal(value: object) -> object:
    """A whole number as the decimal that it equals."""
    return float(value) if type(value) is int and abs(value) <= 2**53 else value


def _day(text: object) -> date | None:
    try:
        return (
            date.fromisoformat(str(text)) if re.fullmatch(r"\d{4}-\d\d-\d\d", str(text)) else None
        )
    except ValueError:
        return None


def _subjects(statement: dict, found: list[str]) -> dict[str, str]:
    """Digests by file name; sentences about names that no bundle can have go to ``found``."""
    subjects: dict[str, str] = {}
    for each in _list(statement, "subject"):
        name, digest = _field(each, "name", str), _field(_field(each, "digest"), "sha256", str)
        unsafe = {"", ".", ".."} & {*name.split("/")} or re.search(r"[\\:\0]", name)
        if unsafe or name in subjects:
            why = "which is no path inside a bundle" if unsafe else "and does so twice"
            found.append(f"The certificate lists {name!r}, {why}.")
        subjects[name] = digest
    return subjects


def _walk(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Name, path and mode of everything in a folder; no link is followed."""
    waiting = [("", folder)]
    while waiting:
        prefix, here = waiting.pop()
        for path in sorted(here.iterdir()):
            mode = path.lstat().st_mode
            yield prefix + path.name, path, mode
            if stat.S_ISDIR(mode):
                waiting.append((f"{prefix}{path.name}/", path))


def _open(path: Path) -> BufferedReader:
    """A regular file; a link is not followed, and a pipe is not waited for."""
    kinds = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")
    handle = os.open(path, os.O_RDONLY | sum(getattr(os, kind, 0) for kind in kinds))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise Refused(f"{path.name} is not a regular file.")


def _read(path: Path) -> bytes:
    with _open(path) as stream:
        return stream.read(LARGEST + 1)


def _tensors(file: Path) -> Iterator[tuple[str, str, list, str, int]]:
    """Name, dtype, shape, sha256 and bytes of each tensor of a safetensors file."""
    with _open(file) as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = _parse(stream.read(min(length, LARGEST + 1)), f"The header of {file.name}")
        for name in header.keys() - {"__metadata__"}:
            entry = _field(header, name)
            shape, span = _field(entry, "shape", list), _field(entry, "data_offsets", list)
            if len(span) != 2 or not all(type(x) is int and 0 <= x < 2**60 for x in span + shape):
                raise Refused(f"{file.name}: {name} has an impossible shape or place.")
            _ = stream.seek(8 + length + span[0])
            digest, left = hashlib.sha256(), span[1] - span[0]
            while left > 0 and (block := stream.read(min(2**20, left))):
                digest.update(block)
                left -= len(block)
            if left:
                raise Refused(f"{file.name} is cut off in {name}.")
            size = span[1] - span[0]
            yield name, _field(entry, "dtype", str), shape, digest.hexdigest(), max(size, 0)


def _parse(content: bytes, where: str) -> dict:
    """A JSON object without repeated keys or numbers that are not finite."""

    def unique(pairs: list[tuple[str, object]]) -> dict:
        if len(dict(pairs)) < len(pairs):
            raise Refused(f"{where} names a key twice.")
        return dict(pairs)

    def finite(number: str) -> float:
        if abs(value := float(number)) < float("inf"):
            return value
        raise Refused(f"{where} holds the number {number[:20]}, which is not finite.")

    if len(content) > LARGEST:
        raise Refused(f"{where} has more than {LARGEST:,} bytes.")
    hooks = {"object_pairs_hook": unique, "parse_float": finite, "parse_constant": finite}
    try:
        return _field({where: json.loads(content.decode(), **hooks)}, where)
    except (ValueError, RecursionError):
        raise Refused(f"{where} is cut off or is not JSON.") from None


def _envelope(envelope: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """What was signed, and every key id with its signature; there is one way to write them."""
    found = _parse(envelope, "The certificate")
    if found.get("payloadType") != PAYLOAD_TYPE:
        raise Refused(f"The payloadType is {found.get('payloadType')!r}, not {PAYLOAD_TYPE!r}.")
    signatures, text = _list(found, "signatures"), _field(found, "payload", str)
    if len(signatures) > MOST:
        raise Refused(f"It has {len(signatures):,} signatures; at most {MOST} are looked at.")
    coded = [(_field(each, "sig", str), _field(each, "keyid", str)) for each in signatures]
    extra = [key for key in found if key not in ("payloadType", "payload", "signatures")]
    extra += [key for each in signatures for key in each if key not in ("keyid", "sig")]
    if extra:
        raise Refused(f"The envelope has a field {extra[0][:64]!r}, which no envelope has.")
    return _decoded(text), [(keyid, _decoded(each)) for each, keyid in coded]


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("The payload or a signature is not base64.") from None
    if base64.b64encode(content).decode() != text:
        raise Refused("The payload or a signature is base64 in another form than the usual one.")
    return content


def _halves(signature: bytes) -> tuple[int, int] | None:
    """The numbers r and s of a signature, if it is DER in its one form."""
    try:
        numbers = utils.decode_dss_signature(signature)
    except ValueError:
        return None
    return numbers if utils.encode_dss_signature(*numbers) == signature else None


def _is_low(numbers: tuple[int, int]) -> bool:
    """Whether s is the smaller of the two that fit: s and ORDER - s."""
    return numbers[1] <= ORDER // 2


def _version(statement: dict) -> int:
    """Of a statement's form: 1 if it names none, which no later version may say."""
    predicate = _field(statement, "predicate")
    if "version" not in predicate:
        return 1
    version = predicate["version"]
    if type(version) is int and 1 < version <= VERSION:
        return version
    raise Refused(
        f"The version of the statement is {str(version)[:20]!r}; this program knows those up to "
        f"{VERSION}, so take a later one if there is one."
    )


def _field(data: dict, key: str, kind: type = dict):
    if type(data.get(key)) is kind:
        return data[key]
    raise Refused(f"The field {key!r} is missing or is not {_KINDS[kind]}.")


def _list(data: dict, key: str, kind: type = dict) -> list:
    if all(isinstance(each, kind) for each in _field(data, key, list)):
        return data[key]
    raise Refused(f"The field {key!r} must be a list, each of it {_KINDS[kind]}.")


def _at(statement: dict, path: str) -> list[dict]:
    """The objects at a path of ``FIELDS``; what is missing or null there is left out."""
    level: list = [statement]
    for key in path.split(".") if path else ():
        if key == "*":
            level = [inner for each in level if type(each) is list for inner in each]
        else:
            level = [each.get(key) for each in level if type(each) is dict]
    return [each for each in level if type(each) is dict]


def _is(value: object, kind: str) -> bool:
    """Whether a value has a type of ``FIELDS``."""
    if kind.endswith("?"):
        return value is None or _is(value, kind[:-1])
    if kind.startswith("["):
        return type(value) is list and all(_is(each, kind[1:-1]) for each in value)
    if kind.startswith("{"):
        pairs = value.items() if type(value) is dict else [(None, None)]
        return all(_is_text(key) and _is(each, kind[1:-1]) for key, each in pairs)
    return TYPES[kind][1](value)


def _sentence(problem: Exception) -> str:
    name, why = getattr(problem, "filename", ""), getattr(problem, "strerror", problem)
    return f"{Path(str(name)).name} cannot be read: {why}." if name else str(why)


def meaning(statement: dict) -> tuple[str, str]:
    """How far a statement goes and what its verdict means, in words that are not the signer's."""
    predicate = statement["predicate"]
    if is_of_state(statement):
        checks = {each["id"]: each["result"] for each in reversed(predicate["checks"])}
        passed = (name for name in STATE_MEANINGS if checks.get(name) == "pass")
        return "", STATE_MEANINGS.get(next(passed, ""), "What it claims is unknown here.")
    claim, said = predicate["claim"], predicate["counterfactual"]["coefficients"]
    origin = ORIGINS.get(said.get("origin", ""), "") if claim in REBUILT else ""
    judged = claim, predicate["verdict"]["result"]
    return origin, MEANINGS.get(judged, "What it claims is unknown here.")


def _summary(statement: dict, own: str) -> str:
    predicate = statement["predicate"]
    demo = f"{DEMO_WORDS}. " * _field(_field(predicate, "signer"), "demo", bool)
    verdict = _field(_field(predicate, "verdict"), "result", str)
    origin, sentence = meaning(statement)
    how = f" ({origin})" if origin else ""
    claim = f"Claim: {predicate.get('claim')}{how}. Verdict: {verdict}. {sentence} {demo}"
    compare = "compare it with the one you were given by another channel."
    return f"{claim}Signed by the key {own}; {compare}"


def main(arguments: list[str]) -> int:
    """Check everything, print it, and return the exit status."""
    if len(arguments) != 3:
        print(__doc__)
        return 2
    bundle, certificate, key = (Path(os.path.realpath(each)) for each in arguments)
    lines, last = [], "Nothing is verified: this key opens no certificate here."
    try:
        envelope, pem = _read(certificate), _read(key)
        statement = open_envelope(envelope, pem)
        lines.append(("OK", "The certificate is whole and signed by your key."))
        lines += [("NOTE", each) for each in notes(envelope, statement)]
        last = _summary(statement, fingerprint(read_public_key(pem)))
        other = os.path.lexists(bundle / CERTIFICATE) and _read(bundle / CERTIFICATE) != envelope
        differs = [f"The bundle has another {CERTIFICATE}."] if other else []
        for title, found in (
            ("The statement does not contradict itself.", contradictions(statement)),
            ("The files and weights are those signed; no others.", problems(bundle, statement)),
            (f"The bundle's {CERTIFICATE} is the one checked.", differs),
        ):
            lines += [("FAILED", each) for each in found] or [("OK", title)]
    except (OSError, Refused) as problem:
        lines.append(("FAILED", _sentence(problem)))
    if key.is_relative_to(bundle):
        lines.append(("NOTE", "The key comes from the bundle, so it does not tell who signed."))
    failed = any(word == "FAILED" for word, _ in lines)
    for word, sentence in [*lines, ("FAILED" if failed else "OK", last)]:
        seen = (x if " " <= x <= "~" else ascii(x)[1:-1] for x in sentence)
        print(f"{word:7} {''.join(seen)}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
