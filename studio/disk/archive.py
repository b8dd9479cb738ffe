"""A folder as a zip archive that is made while it is sent: no copy of it is ever written."""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import open_at_once
from studio.errors import StudioError

_PIECE = 2**20  # bytes
_FORBIDDEN = '\\:*?"<>|'  # in names, by one system or another
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that an archive can say


@dataclass(frozen=True)
class Listing:
    """The regular files of a folder as they were at one moment.

    Attributes:
        folder: that holds them.
        files: path within the folder, and what tells a changed file: device, number, size, time.
    """

    folder: Path
    files: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(state[2] for _, state in self.files)


def listing(folder: Path) -> Listing:
    """What lies in a folder; links are left out.

    Raises:
        OSError: it cannot be read.
    """
    found = []
    for file in sorted(folder.rglob("*")):
        state = file.lstat()
        if stat.S_ISREG(state.st_mode):
            found.append((file.relative_to(folder).as_posix(), _state(state)))
    return Listing(folder, tuple(found))


def refuse_changed(before: Listing) -> None:
    """Refuse a folder that is not as it was.

    Raises:
        StudioError: naming a file.
    """
    try:
        now = listing(before.folder)
    except OSError:
        now = Listing(before.folder, ())
    if changed := sorted({name for name, _ in {*now.files} ^ {*before.files}}):
        raise _changed(before.folder, changed[0])


def zipped(of: Listing) -> Iterator[bytes]:
    """The archive in pieces, its files stored as they are below the name of the folder.

    Raises:
        StudioError: a file was changed meanwhile; what was sent so far is no archive.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[arg-type]
        for name, state in of.files:
            yield from _stored(archive, sink, of.folder, name, state)
    yield sink.taken()


def _stored(
    archive: zipfile.ZipFile, sink: "_Sink", folder: Path, name: str, state: tuple[int, ...]
) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(f"{_plain(folder.name)}/{_plain(name)}", _EARLIEST)
    entry.file_size, entry.external_attr = state[2], 0o644 << 16
    try:
        with open(folder / name, "rb", opener=open_at_once) as source:
            left = state[2]
            with archive.open(entry, "w") as stored:
                while piece := source.read(min(_PIECE, left)):
                    stored.write(piece)
                    left -= len(piece)
                    yield sink.taken()
            if left or _state(os.fstat(source.fileno())) != state:
                raise _changed(folder, name)
    except OSError:
        raise _changed(folder, name) from None


def _plain(name: str) -> str:
    """A name that no system takes for another place."""
    kept = (c if c.isprintable() and c not in _FORBIDDEN else "_" for c in name)
    return "".join(kept).encode("utf-8", "replace").decode()


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(folder: Path, name: str) -> StudioError:
    return StudioError(
        f"{folder.name} is not as it was exported: {name} was added, changed or removed. Take "
        "what you need from the folder itself, or export again."
    )


class _Sink(io.RawIOBase):
    """Takes what is written, and hands it out."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        """All that was written since the last time."""
        made, self._pieces = b"".join(self._pieces), []
        return made
