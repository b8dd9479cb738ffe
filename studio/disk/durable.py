"""Small files that must last: on the disk before anybody relies on them, and for their owner."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from studio.disk.beside import link_new, replace, write_beside
from studio.disk.files import open_regular
from studio.disk.folders import sync
from studio.errors import StudioError


def read_if_there(path: Path, error: type[StudioError]) -> bytes | None:
    """The content of a regular file, or None if there is nothing of that name."""
    if not os.path.lexists(path):
        return None
    with open_regular(path, error) as stream:
        return stream.read()


def private_folder(folder: Path) -> Path:
    """A folder for its owner alone, made if it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet, whole or not at all, to the disk.

    Raises:
        FileExistsError: it is there.
        OSError: the disk refuses it; nothing was kept.
    """
    write_beside(path, content, mode, partial(link_new, path=path))


def replace_file(path: Path, content: bytes) -> None:
    """Give a file a new content, whole or not at all, and only its owner the right to read it."""
    write_beside(path, content, 0o600, partial(replace, path=path))


def append_file(path: Path, content: bytes) -> None:
    """Add to a file and wait for the disk; what was not written whole is taken back."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o600)
    try:
        size = os.fstat(handle).st_size
        try:
            while content:
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if not size:
        sync(path.parent)
