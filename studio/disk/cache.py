"""What was measured before on this computer, by key; to lose it costs time and nothing else."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MOST_KEPT = 200  # files; the oldest go first
_SUM = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Where it lies: ``mdm-oc-studio`` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "mdm-oc-studio"


def cache_key(*parts: object) -> str:
    """A name for what plain values say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def recall(key: str, room: str = "") -> bytes | None:
    """What was kept under a key, or None; what was damaged since is as good as none."""
    try:
        content = (cache_folder() / room / key).read_bytes()
    except OSError:
        return None
    whole = hashlib.sha256(content[_SUM:]).digest() == content[:_SUM]
    return content[_SUM:] if whole else None


def keep(key: str, content: bytes, room: str = "", most: int | None = None) -> None:
    """Keep some bytes for this user alone; a disk that refuses them is not an error.

    Args:
        key: to find them by.
        content: the bytes.
        room: folder within the cache's, for what has a limit of its own.
        most: files there, the oldest go first; None for ``MOST_KEPT``.
    """
    folder = cache_folder() / room
    with suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(content).digest() + content)
            Path(name).replace(folder / key)
        finally:
            Path(name).unlink(missing_ok=True)
        most = MOST_KEPT if most is None else most
        files = [file for file in folder.iterdir() if file.is_file()]
        if len(files) > most:
            for old in sorted(files, key=lambda file: file.stat().st_mtime_ns)[:-most]:
                old.unlink()


def recall_file(folder: Path, key: str) -> Path | None:
    """The file that was kept under a key, or None; it is read once to see that it is whole.

    Nothing of the file is touched: another studio may have it open and refuse one that changed.
    """
    for file in sorted(folder.glob(f"{key}-*")):
        with suppress(OSError):
            if file.name == f"{key}-{_digest(file)}":
                return file
            file.unlink()
    return None


def keep_file(folder: Path, key: str, write: Callable[[Path], None], most: int) -> Path:
    """Keep a large file for this user alone, under a name that holds its digest.

    Args:
        folder: of such files.
        key: to find it by.
        write: writes it to the path that it is given.
        most: bytes of all files in the folder; those written longest ago go first.

    Raises:
        OSError: the disk refuses it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
    os.close(handle)
    try:
        write(Path(name))
        made = Path(name).replace(folder / f"{key}-{_digest(Path(name))}")
    finally:
        Path(name).unlink(missing_ok=True)
    with suppress(OSError):
        _drop_oldest(folder, made, most)
    return made


def _drop_oldest(folder: Path, made: Path, most: int) -> None:
    states = [(file, file.stat()) for file in folder.iterdir() if file != made]
    left = made.stat().st_size
    for file, state in sorted(states, key=lambda each: -each[1].st_mtime_ns):
        left += state.st_size
        if left > most:
            file.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
