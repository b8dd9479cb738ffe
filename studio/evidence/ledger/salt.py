"""The salt of a ledger: without it nobody can tell which numbers its fingerprints add up."""

import os
import re
import secrets
from contextlib import suppress

from studio.disk import durable
from studio.errors import BadLedger
from studio.evidence.ledger.log import Ledger

SALT = "fingerprint.salt"
_HEX = re.compile(r"[0-9a-f]{64}")


def salt_of(ledger: Ledger) -> bytes | None:
    """The 32 random bytes that lie beside a log, or None if it has none yet.

    Raises:
        BadLedger: the file is damaged.
    """
    found = durable.read_if_there(ledger.folder / SALT, BadLedger)
    if found is None:
        return None
    text = found.decode("ascii", "replace").strip()
    if not _HEX.fullmatch(text):
        raise BadLedger(
            f"{ledger.folder / SALT} is not 64 hex digits, so it is damaged, and removed changes "
            "cannot be known again. Put a copy of it back; without one remove it: then they are "
            "known by weights and lineage alone."
        )
    return bytes.fromhex(text)


def own_salt(ledger: Ledger) -> bytes:
    """The salt of a log, made if it has none.

    Raises:
        BadLedger: it is damaged, or cannot be written.
    """
    if (found := salt_of(ledger)) is not None:
        return found
    try:
        durable.private_folder(ledger.folder)
        with suppress(FileExistsError):  # another process was faster: its salt is taken
            path, text = ledger.folder / SALT, secrets.token_hex(32).encode()
            durable.write_new(path, text, 0o600)
    except OSError as problem:
        why = os.strerror(problem.errno) if problem.errno else str(problem)
        raise BadLedger(f"{ledger.folder / SALT} could not be written: {why}.") from None
    made = salt_of(ledger)
    assert made is not None
    return made
