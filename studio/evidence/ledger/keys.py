"""Signing keys: ECDSA P-256, on disk only under a passphrase and for their owner alone."""

import base64
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from studio.disk import durable
from studio.disk.files import open_regular
from studio.errors import BadCertificate
from studio.evidence import verify_certificate
from studio.evidence.verify_certificate import DEMO_WORDS as DEMO_WORDS
from studio.evidence.verify_certificate import ORDER, Refused

PRIVATE = "signing_key.pem"
PUBLIC = "public_key.pem"
SHORTEST = 12  # characters of a passphrase
LONGEST = 1000  # bytes; OpenSSL takes no more than 1,023
ROUNDS = 600_000  # of PBKDF2 with SHA-256: a quarter of a second for each guess
_PEM = "ENCRYPTED PRIVATE KEY"
_PBES2, _PBKDF2, _HMAC_SHA256, _AES_256_CBC = (  # object identifiers
    bytes.fromhex(each)
    for each in (
        "06092a864886f70d01050d",
        "06092a864886f70d01050c",
        "06082a864886f70d0209",
        "060960864801650304012a",
    )
)
_LARGEST = 2**16  # bytes of a key file


@dataclass(frozen=True)
class SigningKey:
    """A private key; ``demo`` if it was made for this run only and stands for nobody."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    demo: bool

    def sign(self, content: bytes) -> bytes:
        """The signature in DER: ECDSA with SHA-256; of the two s that fit, the smaller."""
        drawn = self.private.sign(content, ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(drawn)
        return utils.encode_dss_signature(r, min(s, ORDER - s))

    @property
    def public_pem(self) -> bytes:
        """What others check signatures with."""
        form = PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(Encoding.PEM, form)

    @property
    def fingerprint(self) -> str:
        """Sha256 of the public key, in hex: what people compare by another channel."""
        return fingerprint(self.private.public_key())


def demo_key() -> SigningKey:
    """A key in memory that is never written; what it signs carries ``DEMO_WORDS``."""
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), demo=True)


def make_key(folder: Path, passphrase: str) -> SigningKey:
    """Make a key and keep it in ``folder``, encrypted; the public half lies beside it.

    Raises:
        BadCertificate: a key is there already, others can look into the folder, the passphrase
            has fewer than 12 characters, or the folder cannot be written.
    """
    secret = _secret(passphrase)
    for name in (PRIVATE, PUBLIC):
        _refuse_empty(folder / name)
        if os.path.lexists(folder / name):
            raise BadCertificate(
                f"{folder / name} exists already; a key is never overwritten. Open it, or choose "
                "another folder."
            )
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()), demo=False)
    content = _encrypted(key.private, secret)
    try:
        durable.private_folder(folder)
        _refuse_shared(folder, folder.stat().st_mode, "700")
        durable.write_new(folder / PRIVATE, content, 0o600)
        try:
            durable.write_new(folder / PUBLIC, key.public_pem, 0o644)
        except OSError:
            (folder / PRIVATE).unlink()
            raise  # a kill leaves the private half, and opening it writes the other
    except OSError as problem:
        raise BadCertificate(
            f"A key could not be written to {folder}: {problem.strerror}; nothing was kept."
        ) from None
    return key


def open_key(folder: Path, passphrase: str) -> SigningKey:
    """The key that ``make_key`` keeps in a folder.

    The public half is written again if it is missing, as a kill while the key was made leaves it.

    Raises:
        BadCertificate: there is none, others can read it, the passphrase is wrong, or the file
            holds no encrypted P-256 key or not the one that lies beside it.
    """
    path = folder / PRIVATE
    _refuse_empty(path)
    content = _read(path, private=True)
    try:
        private = serialization.load_pem_private_key(content, _encoded(passphrase))
    except TypeError:
        raise BadCertificate(
            f"{path} is not encrypted, or no passphrase was given; a signing key is kept only "
            "under a passphrase."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate(
            f"{path} does not open: the passphrase is wrong, or the file is damaged."
        ) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
        name = type(getattr(private, "curve", private)).__name__
        raise BadCertificate(f"{path} holds a key of the type {name}; it must be ECDSA P-256.")
    key = SigningKey(private, demo=False)
    _refuse_empty(folder / PUBLIC)
    if not os.path.lexists(folder / PUBLIC):
        with suppress(OSError):  # whoever cannot write there can sign all the same
            durable.write_new(folder / PUBLIC, key.public_pem, 0o644)
    else:
        beside = fingerprint(read_public_key(_read(folder / PUBLIC)))
        if beside != key.fingerprint:
            raise BadCertificate(
                f"{folder / PUBLIC} has the fingerprint {beside}, but {path} has "
                f"{key.fingerprint}: they are not one key. Somebody exchanged a file."
            )
    return key


def kept_public(folder: Path) -> bytes | None:
    """The public half that lies in a folder, or None.

    Raises:
        BadCertificate: it is empty, or cannot be read.
    """
    _refuse_empty(folder / PUBLIC)
    return _read(folder / PUBLIC) if os.path.lexists(folder / PUBLIC) else None


def has_key(folder: Path) -> bool:
    """Whether a folder holds a signing key."""
    return os.path.lexists(folder / PRIVATE)


def read_public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """An ECDSA P-256 public key; every other type is refused by name.

    Raises:
        BadCertificate: it is another type, or no PEM file.
    """
    try:
        return verify_certificate.read_public_key(pem)
    except Refused as problem:
        raise BadCertificate(str(problem)) from None


def fingerprint(public: ec.EllipticCurvePublicKey) -> str:
    """Sha256 of a public key (its SubjectPublicKeyInfo in DER), in hex."""
    return verify_certificate.fingerprint(public)


def canonical(data: dict) -> bytes:
    """The one way in which plain values are written as JSON where bytes are signed or hashed."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _secret(passphrase: str) -> bytes:
    if len(passphrase) < SHORTEST:
        raise BadCertificate(
            f"The passphrase has {len(passphrase)} characters; it needs at least {SHORTEST}. "
            "A few words in a row are easy to remember."
        )
    secret = _encoded(passphrase)
    if len(secret) > LONGEST:
        raise BadCertificate(f"The passphrase has {len(secret):,} bytes; at most {LONGEST:,}.")
    return secret


def _encrypted(private: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """An encrypted PKCS#8 file (RFC 5958, PBES2 of RFC 8018) that OpenSSL reads.

    ``BestAvailableEncryption`` writes the same with 2,048 rounds, too few against guesses.
    """
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, serialization.NoEncryption())
    salt, start = os.urandom(16), os.urandom(16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(secret)
    cipher, pad = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor(), PKCS7(128).padder()
    hidden = cipher.update(pad.update(plain) + pad.finalize()) + cipher.finalize()
    rounds = _der(2, ROUNDS.to_bytes(3, "big"))
    hashing = _der(48, _HMAC_SHA256, _der(5))
    derivation = _der(48, _PBKDF2, _der(48, _der(4, salt), rounds, hashing))
    scheme = _der(48, _PBES2, _der(48, derivation, _der(48, _AES_256_CBC, _der(4, start))))
    text = base64.encodebytes(_der(48, scheme, _der(4, hidden))).decode().replace("\n", "")
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {_PEM}-----", *lines, f"-----END {_PEM}-----", ""]).encode()


def _der(tag: int, *parts: bytes) -> bytes:
    """A value of ASN.1: its tag, its length, and what it is made of."""
    content = b"".join(parts)
    size = len(content)
    return bytes([tag, size] if size < 128 else [tag, 0x81, size]) + content


def _encoded(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        raise BadCertificate("The passphrase is not Unicode text; type it again.") from None


def _read(path: Path, private: bool = False) -> bytes:
    with open_regular(path, BadCertificate) as stream:
        if private:
            _refuse_shared(path, os.fstat(stream.fileno()).st_mode, "600")
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise BadCertificate(f"{path} has more than {_LARGEST:,} bytes; it is no key.")
    return content


def _refuse_empty(path: Path) -> None:
    """Say what is to be done of a half that was made and never written."""
    if path.is_file() and not path.stat().st_size:
        next_ = (
            "another key can be made then."
            if path.name == PRIVATE
            else "it is written again when the key is opened or made."
        )
        raise BadCertificate(
            f"{path} is empty: a program was stopped after it had made the file and before it "
            f"wrote to it. Nothing is lost. Remove it; {next_}"
        )


def _refuse_shared(path: Path, mode: int, wanted: str) -> None:
    if os.name != "nt" and mode & 0o077:
        raise BadCertificate(
            f"{path} has the mode {mode & 0o777:o}: others on this computer can read it. "
            f"Run `chmod {wanted} '{path}'`, and ask who could have copied the key."
        )
