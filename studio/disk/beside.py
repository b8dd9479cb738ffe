"""A file written beside its place: flushed, then given its name, so that no half of it is seen."""

import errno
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from studio.disk.folders import lock_handle, sync

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def write_beside(path: Path, content: bytes, mode: int, name_it: Callable[[Path], None]) -> None:
    """Write a file whole or not at all, with its mode from the first byte, to the disk.

    What killed processes left of others at this place is removed first.

    Args:
        path: of the file.
        content: of it.
        mode: of its rights.
        name_it: gives ``path`` to the finished file beside it, see ``link_new`` and ``replace``.

    Raises:
        OSError: the disk refuses it, and nothing was changed.
    """
    _sweep(path)
    part, handle = _begun(path, mode)
    lock = None if os.name == "nt" else os.dup(handle)  # Windows names no file that is open
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        name_it(part)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def link_new(part: Path, path: Path) -> None:
    """Give a finished file a name that is free.

    Raises:
        FileExistsError: it is not.
        OSError: the disk refuses it, or does not keep it; the name is free as before.
    """
    try:
        os.link(part, path)
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):  # a disk that knows no links: the best that can be done there
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)
    try:
        sync(path.parent)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def replace(part: Path, path: Path) -> None:
    """Give a finished file a name, whatever had it before."""
    part.replace(path)
    sync(path.parent)


def _begun(path: Path, mode: int) -> tuple[Path, int]:
    """An empty file beside a place, locked until this process ends, however it ends."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        with suppress(FileExistsError):
            handle = os.open(part, flags, mode)
            lock_handle(handle, wait=True)
            if os.path.lexists(part):
                return part, handle
            os.close(handle)  # swept before it was locked


def _sweep(path: Path) -> None:
    """Remove what others began at this place and never ended."""
    left = re.compile(re.escape(f".{path.name}.") + r"[a-z0-9_]{8}\.part")
    with suppress(OSError):
        for part in path.parent.iterdir():
            if left.fullmatch(part.name) and part.is_file() and not part.is_symlink():
                handle = os.open(part, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
                try:
                    if lock_handle(handle, wait=False):
                        part.unlink(missing_ok=True)
                finally:
                    os.close(handle)
