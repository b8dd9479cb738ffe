"""Keys of P-256 alone, encrypted and private on disk, and refused with the reason."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from studio.disk import durable
from studio.errors import BadCertificate
from studio.evidence.ledger.keys import (
    DEMO_WORDS,
    demo_key,
    has_key,
    kept_public,
    make_key,
    open_key,
    read_public_key,
)
from studio.evidence.verify_certificate import is_signed
from tests.conftest import refusal

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not here")
PASSPHRASE = "three blind mice"


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def pem(private) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_a_key_is_made_once_and_opened_with_its_passphrase(tmp_path):
    folder = tmp_path / "keys"
    assert not has_key(folder)
    made = make_key(folder, PASSPHRASE)
    found = open_key(folder, PASSPHRASE)
    assert has_key(folder)
    assert found.fingerprint == made.fingerprint
    assert found.public_pem == (folder / "public_key.pem").read_bytes()
    assert is_signed(read_public_key(made.public_pem), found.sign(b"words"), b"words")
    assert not is_signed(read_public_key(made.public_pem), found.sign(b"words"), b"worms")
    assert not found.demo
    with pytest.raises(BadCertificate) as error:
        make_key(folder, PASSPHRASE)
    assert "signing_key.pem exists already; a key is never overwritten." in refusal(error)


def test_a_public_key_alone_is_not_overwritten_either(tmp_path):
    (tmp_path / "public_key.pem").write_text("somebody's")
    with pytest.raises(BadCertificate, match="public_key.pem exists already"):
        make_key(tmp_path, PASSPHRASE)
    assert [file.name for file in tmp_path.iterdir()] == ["public_key.pem"]


def test_only_the_owner_can_read_the_key_from_its_first_byte(tmp_path, monkeypatch):
    opened, really = [], os.open

    def watched(path, flags, given=0o777, **more):
        handle = really(path, flags, given, **more)
        opened.append((Path(path).suffixes[:1], oct(stat.S_IMODE(os.fstat(handle).st_mode))))
        return handle

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0o022)
    try:
        make_key(tmp_path / "keys", PASSPHRASE)
    finally:
        os.umask(before)
    assert opened[0] == ([".pem"], "0o600")  # the file beside it, which takes its name
    assert mode(tmp_path / "keys" / "signing_key.pem") == "0o600"
    assert mode(tmp_path / "keys" / "public_key.pem") == "0o644"
    assert mode(tmp_path / "keys") == "0o700"


def test_a_folder_or_key_that_others_can_read_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(BadCertificate) as error:
        make_key(folder, PASSPHRASE)
    assert "has the mode 755: others on this computer can read it." in refusal(error)
    folder.chmod(0o700)
    make_key(folder, PASSPHRASE)
    (folder / "signing_key.pem").chmod(0o640)
    with pytest.raises(BadCertificate) as error:
        open_key(folder, PASSPHRASE)
    assert "signing_key.pem has the mode 640" in refusal(error)
    assert "Run `chmod 600 '" in refusal(error)


def test_a_wrong_passphrase_opens_nothing(tmp_path):
    make_key(tmp_path, PASSPHRASE)
    with pytest.raises(BadCertificate) as error:
        open_key(tmp_path, "three blind mine")
    assert refusal(error).endswith("the passphrase is wrong, or the file is damaged.")
    assert "three blind" not in refusal(error)
    with pytest.raises(BadCertificate, match="no passphrase was given"):
        open_key(tmp_path, "")


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [
        ("elevenchars", "The passphrase has 11 characters; it needs at least 12."),
        ("x" * 1001, "The passphrase has 1,001 bytes; at most 1,000."),
        ("half a character \ud800", "The passphrase is not Unicode text"),
    ],
)
def test_a_passphrase_that_is_too_short_too_long_or_no_text_makes_no_key(
    passphrase, words, tmp_path
):
    with pytest.raises(BadCertificate) as error:
        make_key(tmp_path / "keys", passphrase)
    assert words in refusal(error)
    assert not (tmp_path / "keys").exists()


def test_the_passphrase_and_the_bare_key_are_in_no_file_and_no_repr(tmp_path):
    key = make_key(tmp_path, PASSPHRASE)
    secret = key.private.private_numbers().private_value.to_bytes(32, "big")
    for file in tmp_path.iterdir():
        assert PASSPHRASE.encode() not in file.read_bytes()
        assert b"three" not in file.read_bytes()
        assert secret not in file.read_bytes()
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "signing_key.pem").read_bytes()
    assert repr(key) == "SigningKey(demo=False)"


@needs_openssl
def test_a_guess_at_the_passphrase_costs_600000_rounds(tmp_path):
    make_key(tmp_path, PASSPHRASE)
    file = str(tmp_path / "signing_key.pem")
    found = subprocess.run(
        ["openssl", "asn1parse", "-in", file], capture_output=True, text=True, check=True
    )
    assert f"INTEGER           :{600_000:06X}" in found.stdout
    opened = subprocess.run(
        ["openssl", "pkey", "-in", file, "-passin", f"pass:{PASSPHRASE}", "-pubout"],
        capture_output=True,
        check=True,
    )
    assert opened.stdout == (tmp_path / "public_key.pem").read_bytes()


def test_a_demo_key_is_never_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    key = demo_key()
    assert key.demo
    assert key.fingerprint != demo_key().fingerprint
    assert DEMO_WORDS == "DEMO KEY: identity not established"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("private", "name"),
    [
        (rsa.generate_private_key(65537, 2048), "RSAPublicKey"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519PublicKey"),
        (ec.generate_private_key(ec.SECP384R1()), "SECP384R1"),
    ],
)
def test_other_types_of_keys_are_refused_by_name(private, name, tmp_path):
    with pytest.raises(BadCertificate) as error:
        read_public_key(pem(private))
    assert refusal(error) == f"The public key is of the type {name}; it must be ECDSA P-256."
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    durable.write_new(tmp_path / "signing_key.pem", content)
    with pytest.raises(BadCertificate, match="holds a key of the type"):
        open_key(tmp_path, PASSPHRASE)


def test_what_is_no_key_is_refused(tmp_path):
    with pytest.raises(BadCertificate, match="cannot be read; it must be a PEM file"):
        read_public_key(b"-----BEGIN")
    with pytest.raises(BadCertificate, match="There is no file"):
        open_key(tmp_path, PASSPHRASE)
    file = tmp_path / "signing_key.pem"
    durable.write_new(file, b"x" * 70_000)
    with pytest.raises(BadCertificate, match="more than 65,536 bytes; it is no key"):
        open_key(tmp_path, PASSPHRASE)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BadCertificate, match="is not a regular file"):
        open_key(tmp_path, PASSPHRASE)
    file.unlink()
    bare = demo_key().private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    durable.write_new(file, bare)
    with pytest.raises(BadCertificate, match="is not encrypted"):
        open_key(tmp_path, PASSPHRASE)


def test_an_exchanged_public_key_is_found(tmp_path):
    key = make_key(tmp_path, PASSPHRASE)
    other = demo_key()
    (tmp_path / "public_key.pem").write_bytes(other.public_pem)
    with pytest.raises(BadCertificate) as error:
        open_key(tmp_path, PASSPHRASE)
    assert other.fingerprint in refusal(error)
    assert key.fingerprint in refusal(error)
    assert "they are not one key" in refusal(error)


def test_a_disk_that_fails_keeps_no_half_of_a_key(tmp_path, monkeypatch):
    really, calls = durable.write_new, []

    def fails_at_the_second(path, *given):
        calls.append(path.name)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        really(path, *given)

    monkeypatch.setattr(durable, "write_new", fails_at_the_second)
    with pytest.raises(BadCertificate, match="No space left on device; nothing was kept"):
        make_key(tmp_path / "keys", PASSPHRASE)
    assert calls == ["signing_key.pem", "public_key.pem"]
    assert not list((tmp_path / "keys").iterdir())


def test_a_key_that_was_made_by_half_is_opened_and_has_its_public_half_again(tmp_path):
    key = make_key(tmp_path, PASSPHRASE)
    (tmp_path / "public_key.pem").unlink()  # as a kill between the two leaves it
    assert open_key(tmp_path, PASSPHRASE).fingerprint == key.fingerprint
    assert kept_public(tmp_path) == key.public_pem
    assert mode(tmp_path / "public_key.pem") == "0o644"


def test_an_empty_half_of_a_key_is_said_with_what_to_do(tmp_path):
    key = make_key(tmp_path, PASSPHRASE)
    (tmp_path / "public_key.pem").write_bytes(b"")
    for use in (lambda: open_key(tmp_path, PASSPHRASE), lambda: kept_public(tmp_path)):
        with pytest.raises(BadCertificate) as error:
            use()
        assert "public_key.pem is empty: a program was stopped" in refusal(error)
        assert refusal(error).endswith("it is written again when the key is opened or made.")
    (tmp_path / "public_key.pem").unlink()
    assert open_key(tmp_path, PASSPHRASE).fingerprint == key.fingerprint
    (tmp_path / "signing_key.pem").write_bytes(b"")
    for use in (open_key, make_key):
        with pytest.raises(BadCertificate) as error:
            use(tmp_path, PASSPHRASE)
        assert "signing_key.pem is empty: a program was stopped" in refusal(error)
        assert refusal(error).endswith("Remove it; another key can be made then.")
    for name in ("signing_key.pem", "public_key.pem"):
        (tmp_path / name).unlink()
    assert make_key(tmp_path, PASSPHRASE).fingerprint != key.fingerprint
    assert kept_public(tmp_path / "nowhere") is None


@needs_openssl
def test_a_fingerprint_is_the_sha256_that_openssl_finds(tmp_path):
    key = make_key(tmp_path, PASSPHRASE)
    command = "openssl pkey -pubin -in public_key.pem -outform DER | openssl dgst -sha256"
    found = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[-1] == key.fingerprint
