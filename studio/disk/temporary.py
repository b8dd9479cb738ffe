"""Temporary folders: gone with their process, or at the next start if it was killed."""

import os
import re
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from studio.disk.folders import lock_handle

LOCK = ".lock"
_NAMES = re.compile(r"studio-([a-z]+-)?[a-z0-9_]{8}")


class TemporaryFolder:
    """A folder for this user alone that goes with what holds it, and with the process.

    A file in it is locked for as long as the process lives, however it ends, so that a later one
    can tell what is dead: see ``sweep_temporary``.

    Args:
        what: it is for, in small letters.
    """

    def __init__(self, what: str) -> None:
        self.path, lock = _locked_folder(f"studio-{what}-")
        self._end = weakref.finalize(self, _remove, self.path, lock)

    def cleanup(self) -> None:
        """Remove it."""
        self._end()

    def __enter__(self) -> Self:
        """Itself; removed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Remove it."""
        self.cleanup()


def sweep_temporary() -> list[str]:
    """Remove the temporary folders that killed processes of this user left.

    Returns:
        A sentence, if there were any.
    """
    swept, size = 0, 0
    for folder in Path(tempfile.gettempdir()).glob("studio-*"):
        with suppress(OSError):
            if _NAMES.fullmatch(folder.name) and _is_own(folder):
                found = _sweep(folder)
                swept, size = swept + (found is not None), size + (found or 0)
    if not swept:
        return []
    what = "a temporary folder" if swept == 1 else f"{swept:,} temporary folders"
    return [f"Removed {what} ({size:,} bytes) of a studio that was stopped before its end."]


def _locked_folder(prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        with suppress(FileNotFoundError):  # swept before it was locked
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            lock_handle(lock, wait=True)
            if os.path.lexists(folder / LOCK):
                return folder, lock
            os.close(lock)


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)  # where no file is removed that is open


def _is_own(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and _owner(folder) == _owner(None)


def _owner(folder: Path | None) -> int:
    if os.name == "nt":
        return 0
    return os.getuid() if folder is None else folder.lstat().st_uid


def _sweep(folder: Path) -> int | None:
    """Remove a folder whose lock is free; returns its bytes, or None if it stays."""
    if not os.path.lexists(folder / LOCK):
        folder.rmdir()  # killed before it was locked: empty, or not of this kind and refused
        return 0
    handle = os.open(folder / LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not lock_handle(handle, wait=False):
            return None
        sizes = [file.lstat().st_size for file in folder.rglob("*") if file.is_file()]
        shutil.rmtree(folder, ignore_errors=True)
        return sum(sizes)
    finally:
        os.close(handle)
