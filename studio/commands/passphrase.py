"""The signing key of a command: made on first use, opened with a passphrase that nothing keeps."""

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import BadCertificate

if TYPE_CHECKING:
    from studio.evidence.ledger.keys import SigningKey


def signing_key(folder: Path, demo: bool) -> "SigningKey":
    """The ledger's key; asks for its passphrase, on the terminal or from a line of stdin.

    Args:
        folder: of the ledger.
        demo: take a key that is thrown away instead.

    Raises:
        BadCertificate: the passphrase is wrong, too short, or was typed differently twice.
    """
    from studio.evidence.ledger.keys import demo_key, has_key, make_key, open_key

    if demo:
        return demo_key()
    if has_key(folder):
        return open_key(folder, _ask("Passphrase of the signing key: "))
    print(f"There is no signing key in {folder} yet; it is made now.", file=sys.stderr)
    passphrase = _ask("New passphrase (at least 12 characters): ")
    if sys.stdin.isatty() and _ask("The same again: ") != passphrase:
        raise BadCertificate("The two passphrases differ; no key was made.")
    key = make_key(folder, passphrase)
    print(f"Fingerprint: {key.fingerprint}. Hand it out by another channel.", file=sys.stderr)
    return key


def _ask(words: str) -> str:
    if sys.stdin.isatty():
        return getpass(words)
    line = sys.stdin.readline()
    if not line:
        raise BadCertificate("No passphrase was given: type it, or pass it as a line of stdin.")
    return line.rstrip("\n")
