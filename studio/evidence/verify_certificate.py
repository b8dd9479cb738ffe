"""Checks an unmerge certificate against its bundle, offline: one file, `cryptography` only.

    python -I verify_certificate.py BUNDLE CERTIFICATE PUBLIC_KEY

BUNDLE is the exported folder, CERTIFICATE its certificate.dsse.json, PUBLIC_KEY a PEM file. The
key and this script must reach you by another channel than the bundle. Each line begins with OK,
FAILED or NOTE; the last repeats what is claimed and who signed. The exit status is 0 if the
certificate is genuine and about these files, 1 if anything failed, 2 if the arguments are wrong.
A genuine certificate can say "fail", so read the last line.
"""

import base64
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:mdm-oc-studio:unmerge-certificate:v1"
DEMO_WORDS = "DEMO KEY: identity not established"
CERTIFICATE = "certificate.dsse.json"  # the only file of a bundle that the certificate cannot list
LARGEST = 16 * 2**20  # bytes of a certificate, an index or a header
EXACT = "exact-leave-one-out"
UNDECLARED = "weights-rebuilt-coefficients-undeclared"
CARRIED_OVER = "weights-rebuilt-coefficients-carried-over"
REBUILT = (EXACT, UNDECLARED, CARRIED_OVER)
EXACT_ORIGINS = ("set by a person", "defaults", "found without it")
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false"}


class Refused(Exception):
    """A key, certificate or bundle is not what it must be; the text is a sentence."""


def pae(payload_type: str, body: bytes) -> bytes:
    """The bytes that a DSSE signature covers (pre-authentication encoding, version 1)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def read_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """An ECDSA P-256 public key; every other type is refused by name."""
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
    """The statement in a DSSE envelope, after its signature was checked with this key.

    Raises:
        Refused: no signature is by this key, or what it signed is no certificate that names it.
    """
    public = read_public_key(public_pem)
    own, found = fingerprint(public), _parse(envelope, "The certificate")
    if found.get("payloadType") != PAYLOAD_TYPE:
        raise Refused(f"The payloadType is {found.get('payloadType')!r}, not {PAYLOAD_TYPE!r}.")
    signatures = _list(found, "signatures")
    coded = [_field(found, "payload", str), *(_field(each, "sig", str) for each in signatures)]
    try:
        body, *given = (base64.b64decode(each, validate=True) for each in coded)
    except ValueError:
        raise Refused("The payload or a signature is not base64.") from None
    if not any(is_signed(public, each, pae(PAYLOAD_TYPE, body)) for each in given):
        keys = [str(each.get("keyid"))[:64] for each in signatures]
        if own in keys:
            raise Refused("The signature does not fit: the certificate was changed after signing.")
        raise Refused(f"It is signed by {', '.join(keys) or 'no key'}, not by your key {own}.")
    statement = _parse(body, "The signed statement")
    if (statement.get("_type"), statement.get("predicateType")) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise Refused("What was signed is no unmerge certificate of this kind.")
    named = _field(_field(_field(statement, "predicate"), "signer"), "fingerprint", str)
    if named != own:
        raise Refused(f"It names {named[:64]} as the key that signs, but {own} signed it.")
    return statement


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
        root = _field(_field(_field(statement, "predicate"), "result"), "weights_root", str)
        if not found and weights_root(folder) != root:
            found.append("The weights do not have the root that the certificate states.")
    except (OSError, Refused) as problem:
        found.append(_sentence(problem))
    return found


def weights_root(folder: Path) -> str:
    """Digest of the weights alone: sha256 over a line of JSON for each tensor, by its name.

    A line is ``["name","F32",[2,3],"sha256 of the tensor's bytes"]`` and a newline; metadata and
    the way tensors are split into files do not count.
    """
    index, listed = "model.safetensors.index.json", {}
    if os.path.lexists(folder / index):
        listed = _field(_parse(_read(folder / index), index), "weight_map")
    tensors: list[tuple] = []
    for file in sorted({*map(str, listed.values())}) or ["model.safetensors"]:
        if not re.fullmatch(r"[\w.-]+\.safetensors", file):
            raise Refused(f"{index} names the file {file!r}, which is no file of weights.")
        tensors += _tensors(folder / file)
    lines = (json.dumps(each, separators=(",", ":")) + "\n" for each in sorted(tensors))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def contradictions(statement: dict) -> list[str]:
    """Where a statement speaks against itself although it is signed, as sentences."""
    found: list[str] = []
    for rule in (_verdict, _left_out, _known):
        try:
            found += rule(_field(statement, "predicate"))
        except Refused as problem:
            found.append(str(problem))
    return list(dict.fromkeys(found))


def _verdict(predicate: dict) -> Iterator[str]:
    """Only an exact claim passes, with its rebuild (A1) and without a failed check."""
    claim = _field(predicate, "claim", str)
    verdict = _field(_field(predicate, "verdict"), "result", str)
    checks = [(_field(x, "id", str), _field(x, "result", str)) for x in _list(predicate, "checks")]
    known = verdict in ("pass", "fail") or (verdict, claim) == ("undeclared", UNDECLARED)
    if claim not in (*REBUILT, "algebraic-approximate") or not known:
        yield f"The claim {claim!r} or the verdict {verdict!r} is unknown."
    if verdict == "pass" and claim != EXACT:
        yield f"The verdict is 'pass', but the claim is {claim!r}."
    if verdict != "fail" and ("A1", "pass") not in checks:
        yield f"The verdict is {verdict!r}, but no check A1, the independent rebuild, passed."
    for name, result in checks:
        if result == "fail" and verdict != "fail":
            yield f"Check {name} failed, but the verdict is {verdict!r}."
        if result == "fail" and claim == EXACT and name in ("A1", "A2", "A3"):
            yield f"The claim is {EXACT}, but check {name} failed."


def _left_out(predicate: dict) -> Iterator[str]:
    """What was removed is no source of the weights, nor of the coefficients, nor a column there."""
    claim = predicate.get("claim")
    removed, added = _list(predicate, "removed"), _list(predicate, "added")
    names = {_field(each, "task", str) for each in removed}
    for row in _list(predicate, "closure"):
        inputs = ", ".join(sorted(names & {*_list(row, "inputs", str)}))
        if inputs and claim == EXACT and row.get("state") == "carried over":
            yield f"The claim is {EXACT}, but {row.get('artefact')} of {inputs} is carried over."
    if claim not in REBUILT:
        return
    if not removed:
        yield "It names nothing that was removed."
    without = _field(predicate, "counterfactual")
    gone = {_field(each, key, str) for each in removed for key in ("digest", "weights_root")}
    sources = _list(predicate, "resolvedDependencies") + added
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
        yield from _origin(claim, said["origin"], fitted, recipe)


def _origin(claim: object, origin: object, fitted: list, recipe: dict) -> Iterator[str]:
    """What is said of where the coefficients come from fits the claim and the recipe."""
    expected = {EXACT: EXACT_ORIGINS, UNDECLARED: ("undeclared",), CARRIED_OVER: ("carried over",)}
    if origin not in expected.get(str(claim), ()):
        yield f"The claim is {claim}, but the coefficients are said to be {origin!r}."
    searched = origin in ("found without it", "carried over")
    if bool(fitted) != searched and origin != "undeclared":
        named = "a search is named" if fitted else "no search is named"
        yield f"The coefficients are said to be {origin!r}, but {named}."
    set_by = {str(each.get("set_by", "")) for each in _list(recipe, "tasks")}
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


def _tensors(file: Path) -> Iterator[tuple[str, str, list, str]]:
    """Name, dtype, shape and sha256 of each tensor of a safetensors file."""
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
            yield name, _field(entry, "dtype", str), shape, digest.hexdigest()


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


def _field(data: dict, key: str, kind: type = dict):
    if type(data.get(key)) is kind:
        return data[key]
    raise Refused(f"The field {key!r} is missing or is not {_KINDS[kind]}.")


def _list(data: dict, key: str, kind: type = dict) -> list:
    if all(isinstance(each, kind) for each in _field(data, key, list)):
        return data[key]
    raise Refused(f"The field {key!r} must be a list, each of it {_KINDS[kind]}.")


def _sentence(problem: Exception) -> str:
    name, why = getattr(problem, "filename", ""), getattr(problem, "strerror", problem)
    return f"{Path(str(name)).name} cannot be read: {why}." if name else str(why)


def _summary(predicate: dict, own: str) -> str:
    verdict = _field(_field(predicate, "verdict"), "result", str)
    demo = f"{DEMO_WORDS}. " * _field(_field(predicate, "signer"), "demo", bool)
    said = _field(_field(predicate, "counterfactual"), "coefficients")
    how = f" ({said['words']})" if "origin" in said else ""  # older statements do not say it
    claim = f"Claim: {predicate.get('claim')}{how}. Verdict: {verdict}. {demo}"
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
        last = _summary(statement["predicate"], fingerprint(read_public_key(pem)))
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
