"""Pending: exports between their announcement and the log, taken back or told of later."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.lora import CONFIG_FILE
from studio.disk.durable import private_folder
from studio.disk.files import read_mapping, write_file
from studio.disk.folders import hold, hold_if_free, is_held, sweep, withdraw
from studio.errors import BadCheckpoint, BadLedger, StudioError
from studio.evidence.ledger.events import CERTIFICATE, EXPORT, ORPHAN
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import recorded
from studio.evidence.ledger.log import Events, Ledger
from studio.evidence.ledger.places import known_places, remember_place

_PENDING = "pending"


@contextmanager
def announced(
    ledger: Ledger, target: Path, key: SigningKey | None = None, certified: bool = False
) -> Iterator[str]:
    """Note down an export before it becomes visible, so that one cut off is found later.

    Args:
        ledger: that will hear of it; what it would refuse then is refused here.
        target: folder of the export.
        key: that will sign what is logged.
        certified: whether a certificate will be logged with it.

    Yields:
        The id of the copy; the block must log it with ``log_copy``.

    Raises:
        BadLedger: the log was edited, is another key's, or cannot be written.
    """
    ledger.check(key)
    copy, folder = secrets.token_hex(8), private_folder(ledger.folder / _PENDING)
    note, early = folder / f"{copy}.json", folder / f"{copy}.early"
    with ExitStack() as held:
        with hold(folder):
            told = {"path": os.path.abspath(target), "certified": certified}
            write_file(early, json.dumps(told))
            held.enter_context(hold(early))
        before = os.path.lexists(target)
        early.replace(note)  # the lock follows: nobody finds a note that is not held
        try:
            yield copy
        except BaseException:
            if before or not os.path.lexists(target):  # else it is adopted as an orphan
                note.unlink(missing_ok=True)
            raise
        note.unlink(missing_ok=True)


def log_copy(
    ledger: Ledger, copy: str, target: Path, root: str, held: dict, key: SigningKey | None = None,
    more: Events = (),
) -> None:  # fmt: skip
    """Log an export, and remember where it lies, outside the log.

    If that fails, the export is taken back, so that nothing lies there that the log does not know.

    Args:
        ledger: that is told.
        copy: the id that ``announced`` gave.
        target: its folder, which the caller has just made.
        root: its weights root.
        held: what is in it, see ``Content.held``.
        key: signs what is logged.
        more: events that are logged in one step with it, such as its certificate.

    Raises:
        StudioError: the log cannot be told; what lies there all the same is named.
    """
    try:
        _log(ledger, copy, target, {"weights_root": root, **held}, EXPORT, key, more)
    except BaseException as problem:
        left = _taken_back(ledger, copy, target)
        if left and isinstance(problem, StudioError):
            raise BadLedger(f"{problem} {left}") from None
        raise


def _taken_back(ledger: Ledger, copy: str, target: Path) -> str:
    """Withdraw an export unless the log knows it; a sentence on what lies there, if anything."""
    with suppress(BadLedger):  # what cannot be read was not appended to
        if any(each.content.get("copy") == copy for each in ledger.entries()):
            return f"{target} lies there, and the log knows it."
    try:
        withdraw(target)
    except OSError as problem:
        return (
            f"{target} lies there and could not be taken back ({problem.strerror}), and the log "
            "does not know it. Delete it, or the next start logs it as an orphan."
        )
    return ""


def _log(
    ledger: Ledger, copy: str, target: Path, content: dict, event: str,
    key: SigningKey | None = None, more: Events = (),
) -> None:  # fmt: skip
    with hold(private_folder(private_folder(ledger.folder) / _PENDING)):
        remember_place(ledger, copy, target)
    told = {"copy": copy, "name": target.name, **content, **_digest(target)}
    ledger.append_all([(event, told), *more], key)


def _digest(target: Path) -> dict:
    """The digest by which recipes know an adapter; a full model's is its weights root."""
    if not (target / CONFIG_FILE).is_file():
        return {}
    with suppress(BadCheckpoint):  # what others made of an orphan
        return {"digest": open_checkpoint(target).digest}
    return {}


def adopt_orphans(ledger: Ledger) -> list[str]:
    """Log exports that were cut off between their rename and the log, and sweep halves.

    Returns:
        A sentence for each.

    Raises:
        BadLedger: the log was edited; all notes stay.
    """
    folder = ledger.folder / _PENDING
    found = []
    for note in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        if is_held(note):
            continue  # its export is running
        found += _adopted(ledger, note)
        note.unlink(missing_ok=True)
    with hold_if_free(folder) as alone:  # or somebody makes one that is not held yet
        for early in folder.glob("*.early") if alone else ():
            if not is_held(early):
                early.unlink(missing_ok=True)
    return found


def _adopted(ledger: Ledger, note: Path) -> list[str]:
    """What is told of an export that was cut off, once the log knows it."""
    target, certified = _noted(note)
    halves = sweep(target) if target.parent.is_dir() else 0
    told = [
        f"{target.name} was begun, and the studio was stopped before it was whole: the half that "
        "was left is removed."
    ] * bool(halves)
    record = recorded(target)
    if record is None:
        return told
    if not _is_logged(ledger, note.stem, target, record):
        _log(ledger, note.stem, target, record, ORPHAN)
        words = (
            f"{target.name} was written, but the studio was stopped before the log knew of it: an "
            "orphan export, which counts as uncertified."
        )
        return [*told, words]
    mine = [each.event for each in ledger.entries() if each.content.get("copy") == note.stem]
    if certified and mine and CERTIFICATE not in mine:
        words = (
            f"{target.name} is in the log, but the studio was stopped before its certificate was: "
            "it counts as uncertified."
        )
        return [*told, words]
    return told


def _is_logged(ledger: Ledger, copy: str, target: Path, record: dict) -> bool:
    """Whether the log knows a copy by its id, or the same weights at the same place."""
    places = known_places(ledger)
    return any(
        each.content["copy"] == copy
        or (places.get(each.content["copy"]), each.content["weights_root"])
        == (str(target), record["weights_root"])
        for each in ledger.entries()
        if each.event in (EXPORT, ORPHAN)
    )


def _noted(note: Path) -> tuple[Path, bool]:
    """Folder and certificate of a note; no folder that exists if the note itself was cut off."""
    try:
        found = read_mapping(note, BadLedger)
        return Path(str(found["path"])), found.get("certified") is True
    except (BadLedger, KeyError):
        return note / "nowhere", False
