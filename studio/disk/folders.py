"""New folders, whole or not at all: written beside their place, flushed, renamed, swept."""

import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from studio.errors import OutputExists, StudioError

try:
    import fcntl
except ImportError:  # Windows: leftovers are not swept there
    fcntl = None

MARGIN = 64 * 2**20  # bytes that stay free beside what is written


def data_folder() -> Path:
    """Where lies what must last: ``mdm-oc-studio`` in the user's data folder."""
    home = os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(home) / "mdm-oc-studio"


@contextmanager
def new_folder(target: Path, size: int = 0) -> Iterator[Path]:
    """A temporary sibling that becomes ``target`` if the block succeeds, and vanishes if not.

    Every file is flushed to the disk before the rename, which also takes the name: the system
    refuses it where something lies by then. What killed processes left is removed first.

    Args:
        target: a folder that does not exist.
        size: bytes that the block will write, about; the disk must have room for them.

    Raises:
        OutputExists: ``target`` exists before or after the block.
        StudioError: the folder cannot be written, or the disk is too full for it.
    """
    target = Path(os.path.abspath(target))
    refuse_existing(target)
    made = [folder for folder in target.parents if not os.path.exists(folder)]
    done = False
    try:
        refuse_full(target, size)
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        work, lock = _work_folder(target)
        try:
            yield work
            work.chmod(0o755)
            flush(work)
            _publish(work, target, [target.parent, *(folder.parent for folder in made)])
            done = True
        finally:
            shutil.rmtree(work, ignore_errors=True)
            if lock is not None:
                os.close(lock)
    except OSError as problem:
        what = problem.strerror or str(problem)
        what += f" ({problem.filename})" if problem.filename else ""
        raise StudioError(f"{target} could not be written: {what}; nothing was kept.") from None
    except UnicodeEncodeError:
        raise StudioError(f"{target} could not be written: a path in it is no text.") from None
    finally:
        for folder in made if not done else ():
            with suppress(OSError):  # somebody else uses it by now
                folder.rmdir()


@contextmanager
def replaced_file(target: Path, size: int = 0) -> Iterator[Path]:
    """A temporary sibling that takes the place of the file ``target`` if the block succeeds.

    The old file stays as it is until then. Its folder is locked meanwhile, so that one process at
    a time replaces a file in it; what killed ones left is removed first.

    Args:
        target: in a folder that exists; there may be a file or none.
        size: bytes that the block will write, about; the disk must have room for them.

    Raises:
        StudioError: the folder cannot be written, or the disk is too full.
    """
    target = Path(os.path.abspath(target))
    left = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.part")
    try:
        with hold(target.parent):
            refuse_full(target, size)
            for file in target.parent.iterdir() if fcntl else ():
                if left.fullmatch(file.name) and file.is_file() and not file.is_symlink():
                    file.unlink()
            handle, name = tempfile.mkstemp(".part", f".{target.name}.", target.parent)
            os.close(handle)
            work = Path(name)
            try:
                yield work
                work.chmod(0o644)
                sync(work)
                work.replace(target)
                sync(target.parent)
            finally:
                work.unlink(missing_ok=True)
    except OSError as problem:
        what = problem.strerror or str(problem)
        raise StudioError(f"{target} could not be written: {what}; nothing was changed.") from None


def sweep(target: Path) -> int:
    """Remove the temporary siblings of exports to ``target`` whose process is gone.

    Returns:
        How many there were.
    """
    left, swept = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.part"), 0
    for folder in target.parent.iterdir() if fcntl else ():
        if left.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            with suppress(OSError):  # locked: its export is running
                lock = _lock(folder, wait=False)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)
                swept += 1
    return swept


def withdraw(target: Path) -> None:
    """Take a folder back that was just published: its name is free first, then its files go.

    Raises:
        OSError: it keeps its name.
    """
    work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    target.rename(work)
    shutil.rmtree(work, ignore_errors=True)  # of what is left, the next export there is the end


def flush(folder: Path) -> None:
    """See that a folder and everything in it is on the disk."""
    for path in [*sorted(folder.rglob("*")), folder]:
        sync(path)


def free_space(target: Path) -> int:
    """Bytes that are free on the disk on which a new folder would lie."""
    target = Path(os.path.abspath(target))
    there = next(folder for folder in target.parents if os.path.isdir(folder))
    return shutil.disk_usage(there).free


def needed_space(size: int) -> int:
    """Bytes that must be free to write ``size`` bytes: some more, for the disk and for others."""
    return size * 105 // 100 + MARGIN


def refuse_full(target: Path, size: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        StudioError: with the bytes needed and free.
    """
    need, free = needed_space(size), free_space(target)
    if need > free:
        raise StudioError(
            f"{target} needs {need:,} bytes with a margin, but only {free:,} are free there. "
            "Make room or choose another disk; nothing was written."
        )


def refuse_existing(target: Path) -> None:
    """Refuse an output folder that is there already.

    Raises:
        OutputExists: naming it.
    """
    if os.path.lexists(target):
        raise OutputExists(f"{target} exists already; choose another output folder.")


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Lock a file or folder until the block ends, or this process does, however it ends."""
    lock = _lock(path, wait=True) if fcntl else None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def hold_if_free(path: Path) -> Iterator[bool]:
    """Lock a file or folder as ``hold`` does, without waiting; whether it could be had."""
    try:
        lock = _lock(path, wait=False) if fcntl else None
    except OSError:
        yield False
        return
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def is_held(path: Path) -> bool:
    """Whether a process holds it; what is gone is not held."""
    if fcntl is None:
        return False
    try:
        os.close(_lock(path, wait=False))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def lock_handle(handle: int, wait: bool) -> bool:
    """Lock an open file until it is closed everywhere; whether that may be relied on.

    Where the disk knows no locks, whoever waits goes on, and nobody can sweep.
    """
    if fcntl is None:
        return wait
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return wait
    return True


def _work_folder(target: Path) -> tuple[Path, int | None]:
    """A temporary sibling, locked until this process ends, however it ends."""
    while True:
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        if fcntl is None:
            return work, None
        with suppress(FileNotFoundError):  # swept before it was locked
            lock = _lock(work, wait=True)
            if work.is_dir():
                return work, lock
            os.close(lock)


def _lock(folder: Path, wait: bool) -> int:
    assert fcntl is not None
    handle = os.open(folder, os.O_RDONLY)
    if not lock_handle(handle, wait):
        os.close(handle)
        raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), str(folder))
    return handle


def _publish(work: Path, target: Path, parents: list[Path]) -> None:
    """Rename, and flush the names; what cannot be flushed is taken back."""
    try:
        work.rename(target)
    except OSError:
        if os.path.lexists(target):
            raise OutputExists(
                f"{target} appeared meanwhile; choose another output folder."
            ) from None
        raise
    try:
        for parent in parents:
            sync(parent)
    except OSError:
        target.rename(work)
        raise


def sync(path: Path) -> None:
    """See that a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows flushes folders with their files
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
