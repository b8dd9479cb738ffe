"""The audit log: one line an event, each chained to the one before, and a signed head.

Edits, deletions and swaps break the chain. A log that was cut, or hashed again from the start,
is found by its signed head, and a signed head that was removed by the entries that were signed. A
log put back with an older head, or without its head and all that was signed, is found only by a
head that is kept elsewhere, so each certificate quotes one. Who holds the key can forge all.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from studio.disk import durable
from studio.disk.files import mapping, parse_json
from studio.errors import BadLedger
from studio.evidence.ledger import keys
from studio.evidence.ledger.events import lacking
from studio.evidence.ledger.keys import SigningKey, canonical
from studio.evidence.verify_certificate import is_signed

try:
    import fcntl
except ImportError:  # Windows: one process at a time may write there
    fcntl = None

LOG, HEAD, ACTOR, LOCK = "audit.jsonl", "head.json", "actor", "audit.lock"
NOTHING = "0" * 64  # the hash before the first entry
RECOVERED, SIGNED_BY = "recovered", "signed_by"
Events = Sequence[tuple[str, dict]]
_ACTOR = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class LogHead:
    """How far a log goes, and the hash of its last entry."""

    entries: int
    hash: str


@dataclass(frozen=True)
class LogEntry:
    """One event; ``hash`` covers everything else, ``prev`` is the hash of the entry before."""

    seq: int  # from 1: the line
    prev: str
    time: str  # UTC, as 2026-11-25T07:00:00Z
    actor: str  # random; the same for all events of one folder
    event: str
    content: dict  # with ``signed_by``, a fingerprint, if a key signed the head after it
    hash: str


class Ledger:
    """The audit log of a folder; several processes and threads may write to it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        self._known: tuple[bytes, tuple[LogEntry, ...]] = b"", ()  # lines that were verified
        self._memory = threading.Lock()  # held while ``_known`` is exchanged

    def append(self, event: str, content: dict, key: SigningKey | None = None) -> LogEntry:
        """Write one event to the disk; with a key that is no demo key, sign the head after it.

        What others appended since is verified first. A last line that a crash left unfinished
        is copied aside, and an event ``recovered`` that names the copy takes its place.

        Args:
            event: what happened, in a few words.
            content: values that JSON can hold, and nothing about people. If the head is signed,
                ``signed_by`` is added: the fingerprint of ``key``.
            key: must have signed the present head, if there is one.

        Raises:
            BadLedger: the log was edited or cut, its signed head was removed, another key signs
                it, the content has a ``signed_by`` of its own, or it cannot be written.
        """
        return self.append_all([(event, content)], key)[0]

    def append_all(self, events: Events, key: SigningKey | None = None) -> list[LogEntry]:
        """``append`` for several events, written at once and signed once."""
        for event, content in events:
            if SIGNED_BY in content:
                words = f"may not have a '{SIGNED_BY}'; the log adds it."
                raise BadLedger(f"The event '{event}' {words}")
        key = None if key is None or key.demo else key
        with self._locked(alone=True):
            return self._append(events, key)

    def check(self, key: SigningKey | None = None) -> None:
        """Refuse what ``append`` would refuse, before anything is done that it must hear of.

        Raises:
            BadLedger: as ``append``.
        """
        with self._locked(alone=True):
            self._sound(None if key is None or key.demo else key)
            self._actor()
            if os.path.lexists(self.folder / LOG):
                os.close(os.open(self.folder / LOG, os.O_WRONLY | os.O_APPEND))

    def entries(self) -> tuple[LogEntry, ...]:
        """All entries, verified; a last line that a crash left unfinished is not one.

        Raises:
            BadLedger: the chain is broken; the line is named.
        """
        with self._locked(alone=False):
            return self._read()[0]

    def head(self) -> LogHead:
        """How far the log goes, verified: what a certificate quotes."""
        return _head(self.entries())

    @property
    def unsigned(self) -> int:
        """How many entries lie behind the signed head; all, if there is none."""
        with self._locked(alone=False):
            signed = self._bytes(HEAD)
            covered = 0 if signed is None else _signed_head(signed)["entries"]
            return len(self._read()[0]) - covered

    def verify(self, public_pem: bytes | None, quoted: Sequence[LogHead] = ()) -> list[str]:
        """``verify_log`` for this folder; nothing is repaired."""
        with self._locked(alone=False):
            text, signed = self._bytes(LOG) or b"", self._bytes(HEAD)
        return verify_log(text, signed, public_pem, quoted)

    def _append(self, events: Events, key: SigningKey | None) -> list[LogEntry]:
        entries, torn, signed = self._sound(key)
        if torn:
            self._recover(entries, torn)
        made: list[LogEntry] = []
        text = b""
        for event, content in events:
            more = {SIGNED_BY: key.fingerprint} if key else {}
            entry, line = self._next(event, content | more, _head(made or self._known[1]))
            made.append(entry)
            text += line
        if key is not None and not signed:  # no crash leaves ``signed_by`` without a head
            self._sign(_head(self._known[1]), key)
        durable.append_file(self.folder / LOG, text)
        self._remember(self._known[0] + text, (*self._known[1], *made))
        if key is None:
            return made
        try:
            self._sign(_head(self._known[1]), key)
        except OSError as problem:
            what = f"but its head could not be signed: {problem.strerror}"
            seq = made[-1].seq
            raise BadLedger(f"{self.folder}: event {seq} is in the log, {what}.") from None
        return made

    def _sound(self, key: SigningKey | None) -> tuple[tuple[LogEntry, ...], bytes, bool]:
        """All entries, torn bytes, and whether a head is signed; of a log that can go on."""
        entries, torn = self._read()
        signed = self._bytes(HEAD)
        # or the next signature would cover up what was done to the log
        if wrong := _head_problems(signed, entries, key.public_pem if key else None):
            raise BadLedger(f"{self.folder}: {wrong[0]} Nothing is appended.")
        return entries, torn, signed is not None

    def _read(self) -> tuple[tuple[LogEntry, ...], bytes]:
        """All entries and the torn bytes after them; lines seen before are only compared."""
        before = self._known  # once and before the file: other threads may go further meanwhile
        text = self._bytes(LOG) or b""
        known, seen = before if text.startswith(before[0]) else (b"", ())
        more, torn, problem = _chain(text[len(known) :], _head(seen))
        if not problem and seen != before[1]:
            problem = f"The {len(before[1])} entries read before are not its start any more."
        if problem:
            raise BadLedger(f"{self.folder / LOG}: {problem} Nothing is appended to it.")
        entries = (*seen, *more) if more else seen
        self._remember(text[: len(text) - len(torn)], entries)
        return entries, torn

    def _remember(self, text: bytes, entries: tuple[LogEntry, ...]) -> None:
        """Keep what was verified, unless another thread has verified more of the log."""
        with self._memory:
            if len(text) > len(self._known[0]):
                self._known = text, entries

    def _recover(self, entries: tuple[LogEntry, ...], torn: bytes) -> None:
        """Copy torn bytes aside; one rename cuts them off and tells of it."""
        number = 1
        while os.path.lexists(self.folder / f"audit.torn-{number}"):
            number += 1
        copy = self.folder / f"audit.torn-{number}"
        durable.write_new(copy, torn)
        told = {"file": copy.name, "bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
        entry, line = self._next(RECOVERED, told, _head(self._known[1]))
        durable.replace_file(self.folder / LOG, self._known[0] + line)
        self._remember(self._known[0] + line, (*entries, entry))

    def _next(self, event: str, content: dict, last: LogHead) -> tuple[LogEntry, bytes]:
        """The entry after a head, and its line, which reads back as itself."""
        try:
            plain = json.loads(canonical(content))
        except ValueError as problem:
            raise BadLedger(f"The event '{event}' cannot be written as JSON: {problem}.") from None
        data = {"seq": last.entries + 1, "prev": last.hash, "time": self._time()}
        data |= {"actor": self._actor(), "event": event, "content": plain}
        line = canonical(data | {"hash": _hash(data)})
        return _entry(line, last), line + b"\n"

    def _sign(self, head: LogHead, key: SigningKey) -> None:
        data = {"entries": head.entries, "head": head.hash, "time": self._time()}
        data |= {"fingerprint": key.fingerprint}
        signature = base64.b64encode(key.sign(canonical(data))).decode()
        durable.replace_file(self.folder / HEAD, canonical(data | {"sig": signature}) + b"\n")

    def _time(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))

    def _actor(self) -> str:
        found = self._bytes(ACTOR)
        if found is None:
            found = secrets.token_hex(16).encode()
            durable.write_new(self.folder / ACTOR, found)
        if not found.strip():
            raise BadLedger(
                f"{self.folder / ACTOR} is empty: a program was stopped after it had made the "
                "file and before it wrote to it. Nothing is lost. Remove it; another is made."
            )
        if not _ACTOR.fullmatch(text := found.decode("ascii", "replace").strip()):
            raise BadLedger(f"{self.folder / ACTOR} is not 32 hex digits; remove it to get others.")
        return text

    def _bytes(self, name: str) -> bytes | None:
        return durable.read_if_there(self.folder / name, BadLedger)

    @contextmanager
    def _locked(self, alone: bool) -> Iterator[None]:
        """The folder held by this process, alone or among readers, who make no files."""
        handle = None
        try:
            if alone:
                durable.private_folder(self.folder)
            if alone or os.path.lexists(self.folder / LOCK):
                flags = os.O_RDWR | os.O_CREAT if alone else os.O_RDONLY
                handle = os.open(self.folder / LOCK, flags, 0o600)
            if fcntl and handle is not None:
                fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        except OSError as problem:
            why = f"{'written' if alone else 'read'}: {problem.strerror}"
            raise BadLedger(f"{self.folder}: the log could not be {why}.") from None
        finally:
            if handle is not None:
                os.close(handle)


def verify_log(
    text: bytes, head_json: bytes | None, public_pem: bytes | None, quoted: Sequence[LogHead] = ()
) -> list[str]:
    """What is wrong with a log, as sentences; none if nothing is.

    Args:
        text: the content of ``audit.jsonl``.
        head_json: the content of ``head.json``, if there is one; a log without an entry that
            was signed needs none, whether a key is given or not.
        public_pem: must have signed the head; without it the head is compared, not its signature.
        quoted: heads from elsewhere (certificates) that must be part of this log; only they find
            that the signed head was removed together with all entries that were signed.

    Raises:
        BadCertificate: ``public_pem`` is no P-256 key.
    """
    entries, torn, problem = _chain(text, LogHead(0, NOTHING))
    found = [problem] if problem else []
    if torn:
        found.append(
            f"Line {len(entries) + 1} is torn: {len(torn):,} bytes that are no whole entry."
        )
    found += _head_problems(head_json, entries, public_pem, whole=not problem)
    for each in quoted:
        found += _missing(each, entries, "A certificate quotes", not problem)
    return found


def _chain(text: bytes, last: LogHead) -> tuple[list[LogEntry], bytes, str | None]:
    """Entries that continue ``last``, torn bytes after the last line, and what is wrong."""
    *lines, torn = text.split(b"\n")
    if lines and not torn and not _is_json(lines[-1]):
        torn = lines.pop() + b"\n"
    entries: list[LogEntry] = []
    for line in lines:
        try:
            entries.append(_entry(line, _head(entries) if entries else last))
        except BadLedger as problem:
            return entries, b"", str(problem)
    return entries, torn, None


def _entry(line: bytes, last: LogHead) -> LogEntry:
    where = f"Line {last.entries + 1}"
    data = _fields(line, where, {each.name: each.type for each in fields(LogEntry)})
    rest = {name: value for name, value in data.items() if name != "hash"}
    if data["hash"] != _hash(rest) or line != canonical(data):
        raise BadLedger(f"{where} was edited: its hash does not fit what it says.")
    if (data["seq"], data["prev"]) != (last.entries + 1, last.hash):
        raise BadLedger(
            f"{where} is entry {data['seq']} and does not continue the line before it: lines were "
            "edited, deleted or swapped."
        )
    if name := lacking(data["event"], data["content"]):
        raise BadLedger(
            f"{where} is no entry '{data['event']}' of this studio: its field '{name}' is missing "
            "or has another form."
        )
    return LogEntry(**data)


def _head(entries: Sequence[LogEntry]) -> LogHead:
    return LogHead(entries[-1].seq, entries[-1].hash) if entries else LogHead(0, NOTHING)


def _signed_head(content: bytes) -> dict:
    kinds = {"entries": int, "head": str, "time": str, "fingerprint": str, "sig": str}
    return _fields(content, f"The signed head ({HEAD})", kinds)


def _fields(content: bytes, where: str, kinds: dict) -> dict:
    """A JSON object that has exactly these fields, of these types."""
    text = content.decode("utf-8", "replace")
    data = mapping(parse_json(text, where, BadLedger), where, BadLedger)
    if data.keys() != kinds.keys() or any(type(data[x]) is not kind for x, kind in kinds.items()):
        raise BadLedger(f"{where} was edited: it does not have the fields {', '.join(kinds)}.")
    return data


def _head_problems(
    content: bytes | None, entries: Sequence[LogEntry], public_pem: bytes | None, whole: bool = True
) -> list[str]:
    public = None if public_pem is None else keys.read_public_key(public_pem)
    if content is None:
        return _removed(entries)
    try:
        data = _signed_head(content)
        signature = base64.b64decode(data["sig"], validate=True)
    except (BadLedger, ValueError):
        return [f"The signed head ({HEAD}) was edited: it cannot be read."]
    found = _missing(LogHead(data["entries"], data["head"]), entries, "The signed head is", whole)
    if public is not None:
        signed = canonical({name: value for name, value in data.items() if name != "sig"})
        if data["fingerprint"] != (own := keys.fingerprint(public)):
            found.append(f"The head is signed by the key {data['fingerprint'][:64]}, not by {own}.")
        elif not is_signed(public, signature, signed):
            found.append(f"The signature of the head ({HEAD}) does not fit: it was edited.")
    return found


def _removed(entries: Sequence[LogEntry]) -> list[str]:
    """A sentence if an entry says that the head after it was signed."""
    signed = [entry.seq for entry in entries if SIGNED_BY in entry.content]
    words = (
        f"{HEAD} is missing although entry {max(signed, default=0)} was signed: somebody removed "
        "it. Keep a copy of the folder and put the latest head back, or begin another log."
    )
    return [words] if signed else []


def _missing(head: LogHead, entries: Sequence[LogEntry], who: str, whole: bool) -> list[str]:
    """A sentence if a head is no part of a log; of a broken log only what holds is compared."""
    at = f"{who} entry {head.entries} with the hash {head.hash[:12]}…"
    if 0 <= head.entries <= len(entries):
        same = _head(entries[: head.entries]).hash == head.hash
        return [] if same else [f"{at}, but in the log it is another: the log was written anew."]
    cut = f"{at}, but the log has {len(entries)} entries: it was cut or rolled back."
    return [cut] if whole else []


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _hash(data: dict) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()
