"""The last export of one browser as a zip file: made once, and the next takes its place."""

import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

_LARGEST_ZIP = 2 * 10**9


class Packed:
    """A zip file in a folder of its own.

    Args:
        within: a temporary folder.
    """

    def __init__(self, within: str) -> None:
        self._within = within
        self._lock = threading.Lock()
        self._last: tuple[str, Path] | None = None

    def zip(self, folder: str) -> Path | None:
        """A folder as one zip file; None if it is too large for that."""
        with self._lock:
            if self._last and self._last[0] == folder and self._last[1].exists():
                return self._last[1]
            if self._last:
                shutil.rmtree(self._last[1].parent, ignore_errors=True)
            made = _pack(Path(folder), self._within)
            self._last = (folder, made) if made else None
            return made


def _pack(folder: Path, within: str) -> Path | None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if sum(file.stat().st_size for file in files) > _LARGEST_ZIP:
        return None
    target = Path(tempfile.mkdtemp(dir=within)) / f"{folder.name}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, Path(folder.name) / file.relative_to(folder))
    return target
