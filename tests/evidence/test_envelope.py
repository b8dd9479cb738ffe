"""What is sealed opens again with its key and with no other; openssl agrees."""

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import utils

from studio.errors import BadCertificate
from studio.evidence import envelope
from studio.evidence.envelope import opened, sealed
from studio.evidence.ledger.keys import demo_key
from studio.evidence.verify_certificate import ORDER, PAYLOAD_TYPE, notes, pae
from tests.conftest import refusal
from tests.evidence.statements import demo, exact, signed

KEY = demo_key()


def small(**predicate) -> dict:
    signer = demo()["predicate"]["signer"] | {"fingerprint": KEY.fingerprint}
    return exact(**{"signer": signer, "words": "größer, Ω, \u2028", **predicate})


def test_a_statement_comes_back_as_it_was():
    content = sealed(small(value=0.1, none=None), KEY)
    assert opened(content, KEY.public_pem) == small(value=0.1, none=None)
    assert json.loads(content)["payloadType"] == PAYLOAD_TYPE
    assert json.loads(content)["signatures"][0]["keyid"] == KEY.fingerprint
    body = base64.b64decode(json.loads(content)["payload"])
    assert envelope.digest(content) == hashlib.sha256(body).hexdigest()
    assert envelope.names(content)[1] == hashlib.sha256(content).hexdigest()


def test_pae_is_that_of_the_dsse_specification():
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not here")
def test_openssl_verifies_the_same_signature(tmp_path):
    found = json.loads(sealed(small(), KEY))
    payload = base64.b64decode(found["payload"])
    (tmp_path / "pae.bin").write_bytes(
        b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    )
    (tmp_path / "sig.der").write_bytes(base64.b64decode(found["signatures"][0]["sig"]))
    (tmp_path / "public_key.pem").write_bytes(KEY.public_pem)
    command = ["openssl", "dgst", "-sha256", "-verify", "public_key.pem"]
    command += ["-signature", "sig.der", "pae.bin"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "Verified OK\n"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (small(value=float("nan")), "The statement cannot be written as JSON"),
        (small(value=-float("inf")), "The statement cannot be written as JSON"),
        (small(text="x" * 13 * 2**20), "bytes; at most 16,777,216 are read."),
        (small() | {"_type": "x"}, "What was signed is no unmerge certificate of this kind."),
        (small() | {"predicateType": "x"}, "no unmerge certificate of this kind."),
        (small() | {"predicate": {}}, "The field 'predicate.id' is missing or is not text."),
        (small(signer=exact()["predicate"]["signer"]), f"but {KEY.fingerprint} signed it."),
    ],
)
def test_nothing_is_sealed_that_the_auditor_would_refuse(statement, words):
    with pytest.raises(BadCertificate) as error:
        sealed(statement, KEY)
    assert words in refusal(error)


def test_the_key_of_somebody_else_is_named():
    content, other = sealed(small(), KEY), demo_key()
    with pytest.raises(BadCertificate) as error:
        opened(content, other.public_pem)
    assert refusal(error) == (
        f"It is signed by {KEY.fingerprint}, not by your key {other.fingerprint}."
    )


def test_one_of_several_signatures_is_enough_but_none_is_not():
    found = json.loads(sealed(small(), KEY))
    strange = {"keyid": KEY.fingerprint, "sig": "AAAA"}
    found["signatures"].insert(0, strange)
    assert opened(json.dumps(found).encode(), KEY.public_pem) == small()
    found["signatures"] = [strange]
    with pytest.raises(BadCertificate, match="was changed after signing"):
        opened(json.dumps(found).encode(), KEY.public_pem)
    found["signatures"] = []
    with pytest.raises(BadCertificate, match="It is signed by no key, not by your key"):
        opened(json.dumps(found).encode(), KEY.public_pem)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The certificate is cut off or is not JSON."),
        (b"\xff\xfe", "The certificate is cut off or is not JSON."),
        (b"[" * 100_000, "The certificate is cut off or is not JSON."),
        (b"[1]", "The field 'The certificate' is missing or is not an object."),
        (b'{"a": NaN}', "The certificate holds the number NaN, which is not finite."),
        (b'{"a": 1e999}', "The certificate holds the number 1e999, which is not finite."),
        (b'{"a": ' + b"1" * 5000 + b"}", "The certificate is cut off or is not JSON."),
        (b'{"a": 1, "a": 1}', "The certificate names a key twice."),
        (b"{}", f"The payloadType is None, not '{PAYLOAD_TYPE}'."),
        (b" " * (2**24 + 1), "The certificate has more than 16,777,216 bytes."),
    ],
)
def test_what_is_no_envelope_is_refused(content, words):
    with pytest.raises(BadCertificate) as error:
        opened(content, KEY.public_pem)
    assert refusal(error) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"payload": "?"}, "The payload or a signature is not base64."),
        ({"payload": 3}, "The field 'payload' is missing or is not text."),
        ({"signatures": "x"}, "The field 'signatures' is missing or is not a list."),
        ({"signatures": ["x"]}, "The field 'signatures' must be a list, each of it an object."),
        ({"signatures": [{}]}, "The field 'sig' is missing or is not text."),
        ({"signatures": [{"sig": "AAAA"}]}, "The field 'keyid' is missing or is not text."),
        (
            {"signatures": [{"sig": "?", "keyid": ""}]},
            "The payload or a signature is not base64.",
        ),
        ({"more": 1}, "The envelope has a field 'more', which no envelope has."),
        (
            {"signatures": [{"sig": "AAAA", "keyid": "", "cert": "x"}]},
            "The envelope has a field 'cert', which no envelope has.",
        ),
        (
            {"signatures": [{"sig": "AAAA", "keyid": ""}] * 5},
            "It has 5 signatures; at most 4 are looked at.",
        ),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(change, words):
    found = json.loads(sealed(small(), KEY)) | change
    with pytest.raises(BadCertificate) as error:
        opened(json.dumps(found).encode(), KEY.public_pem)
    assert refusal(error) == words


def other_form(signature: bytes) -> bytes:
    """The second signature that the same signing gives away: r and ORDER - s."""
    r, s = utils.decode_dss_signature(signature)
    return utils.encode_dss_signature(r, ORDER - s)


def long_form(signature: bytes) -> bytes:
    """The same numbers with a length in two bytes, which BER allows and DER does not."""
    return signature[:1] + b"\x81" + signature[1:]


def with_signature(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    found = json.loads(content)
    for each in found["signatures"]:
        each["sig"] = base64.b64encode(change(base64.b64decode(each["sig"]))).decode()
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_form, "The signature was turned into its other form, with s above half the order."),
        (long_form, "The signature does not fit: the certificate was changed after signing."),
        (
            lambda each: each + b"\0",
            "The signature does not fit: the certificate was changed after signing.",
        ),
    ],
)
def test_a_signature_has_one_form(change, words):
    content = with_signature(sealed(small(), KEY), change)
    with pytest.raises(BadCertificate) as error:
        opened(content, KEY.public_pem)
    assert refusal(error) == words


def test_what_the_first_version_wrote_may_have_either_form_and_is_told(monkeypatch):
    """The first version drew either; a note says which rules of today it does not meet."""
    before = small()
    del before["predicate"]["version"]
    low = signed(json.dumps(before).encode(), KEY)
    high = with_signature(low, other_form)
    start = "It was written before version 2, and does not meet a rule of today: "
    version = f"{start}The field 'predicate.version' is missing or is not a whole number from 0."
    half = f"{start}The signature has an s above half the order of the curve."
    assert opened(low, KEY.public_pem) == opened(high, KEY.public_pem) == before
    assert notes(low, before) == [version]
    assert notes(high, before) == [version, half]
    assert notes(sealed(small(), KEY), small()) == []


@pytest.mark.parametrize("version", [0, 1, 3, -2, True, "2", None, 2.0, 10**30, []])
def test_a_version_that_is_not_known_is_refused(version):
    with pytest.raises(BadCertificate) as error:
        opened(signed(json.dumps(small(version=version)).encode(), KEY), KEY.public_pem)
    assert refusal(error) == (
        f"The version of the statement is {str(version)[:20]!r}; this program knows those up to 2, "
        "so take a later one if there is one."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.rstrip("="),
        lambda text: text + "=",
        lambda text: text[:-2] + chr(ord(text[-2]) + 1) + "=",  # bits that padding throws away
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace("/", "_").replace("+", "-"),
        lambda text: text[:4] + "====" + text[4:],
    ],
)
def test_a_payload_has_one_form(change):
    statement = small(words="????")
    while not (content := sealed(statement, KEY)) or content.count(b'=",') != 1:
        statement["predicate"]["words"] += "?"  # until one sign of padding is needed
    found = json.loads(content)
    assert "/" in found["payload"]
    found["payload"] = change(found["payload"])
    with pytest.raises(BadCertificate, match="base64"):
        opened(json.dumps(found).encode(), KEY.public_pem)


def test_no_edit_of_the_envelope_changes_the_name_of_a_certificate():
    content = sealed(small(), KEY)
    found = json.loads(content)
    found["signatures"].insert(0, {"keyid": "somebody", "sig": "AAAA"})
    edited = json.dumps(found, indent=7).encode()
    assert opened(edited, KEY.public_pem) == opened(content, KEY.public_pem)
    assert envelope.digest(edited) == envelope.digest(content)
    with pytest.raises(BadCertificate, match="The certificate is cut off or is not JSON"):
        envelope.digest(b"x")


def test_a_signer_signs_in_the_smaller_form_only():
    drawn = [utils.decode_dss_signature(KEY.sign(bytes([i])))[1] for i in range(40)]
    assert max(drawn) <= ORDER // 2
