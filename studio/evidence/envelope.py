"""Certificates in their envelope (DSSE): a statement, its bytes, and who signed them."""

import base64
import hashlib
import json

from studio.errors import BadCertificate
from studio.evidence import verify_certificate
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.verify_certificate import LARGEST, PAYLOAD_TYPE, Refused, pae


def sealed(statement: dict, key: SigningKey) -> bytes:
    """The certificate file: the statement, signed.

    The envelope is opened again before it is returned, so nothing is sealed that the auditor's
    script would refuse.

    Args:
        statement: an in-toto statement with all ``FIELDS``, whose ``signer`` names the
            fingerprint of ``key``.
        key: signs the payload's DSSE encoding, so the statement needs no canonical form.

    Raises:
        BadCertificate: a number is not finite, the file would be larger than 16 MiB, or the
            statement is not an unmerge certificate of this key, or lacks a field.
    """
    try:
        body = json.dumps(statement, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as problem:
        raise BadCertificate(f"The statement cannot be written as JSON: {problem}.") from None
    signature = {
        "keyid": key.fingerprint,
        "sig": base64.b64encode(key.sign(pae(PAYLOAD_TYPE, body))).decode(),
    }
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(body).decode(),
        "signatures": [signature],
    }
    content = json.dumps(envelope, indent=1).encode() + b"\n"
    if len(content) > LARGEST:
        raise BadCertificate(
            f"The certificate would have {len(content):,} bytes; at most {LARGEST:,} are read."
        )
    _ = opened(content, key.public_pem)
    return content


def opened(envelope: bytes, public_pem: bytes) -> dict:
    """The statement of a certificate file, after its signature was checked with this key.

    Raises:
        BadCertificate: the key or file cannot be read, no signature is by this key, or what was
            signed is not an unmerge certificate with all of its fields.
    """
    try:
        return verify_certificate.open_envelope(envelope, public_pem)
    except Refused as problem:
        raise BadCertificate(str(problem)) from None


def digest(envelope: bytes) -> str:
    """Sha256 of the payload: what the log and a later certificate call this certificate.

    The envelope is not covered by the signature, so what is written there names nothing.

    Raises:
        BadCertificate: it is no envelope.
    """
    try:
        return hashlib.sha256(verify_certificate.payload(envelope)).hexdigest()
    except Refused as problem:
        raise BadCertificate(str(problem)) from None


def names(envelope: bytes) -> tuple[str, str]:
    """By what a log may know a certificate: ``digest``, and as version 0.1.0 did, the file's."""
    return digest(envelope), hashlib.sha256(envelope).hexdigest()
