"""The Hub's cache on this computer, in the layout that huggingface_hub documents."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.disk.beside import replace
from studio.disk.folders import needed_space
from studio.errors import StudioError
from studio.hub.listing import RemoteFile
from studio.hub.look import RemoteLook


class Cache:
    """One repository's part of a cache folder.

    Args:
        folder: of the cache; None for the person's own, ``HF_HUB_CACHE``.
        of: the repository, at one commit.
    """

    def __init__(self, of: RemoteLook, folder: Path | None = None) -> None:
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        name, kind = of.repo
        self.of = of
        self.root = folder or Path(constants.HF_HUB_CACHE)
        self.repo = self.root / repo_folder_name(repo_id=name, repo_type=kind)
        self.snapshot = self.repo / "snapshots" / of.commit

    def blob(self, file: RemoteFile) -> Path:
        """Where a file's bytes lie, whatever its name."""
        return self.repo / "blobs" / file.digest

    def part(self, file: RemoteFile) -> Path:
        """Where those lie that have come so far."""
        return self.repo / "blobs" / f"{file.digest}.studio.incomplete"

    def has(self, file: RemoteFile) -> bool:
        """Whether a file is there whole."""
        there = (self.blob(file), self.snapshot / file.name)
        return any(each.is_file() and each.stat().st_size == file.size for each in there)

    @property
    def missing(self) -> int:
        """Bytes that a fetch would still get."""
        lacking = (file for file in self.of.files if not self.has(file))
        return sum(file.size - _size(self.part(file)) for file in lacking)

    def refuse_full(self) -> None:
        """Refuse to begin what the disk has no room for.

        Raises:
            StudioError: with the bytes needed and free.
        """
        there = next(each for each in (self.repo, *self.repo.parents) if each.is_dir())
        need, free = needed_space(self.missing), shutil.disk_usage(there).free
        if self.missing and need > free:
            raise StudioError(
                f"{self.of.hub_id} needs {need:,} bytes with a margin in {self.root}, but only "
                f"{free:,} are free there. Make room, or set HF_HUB_CACHE to another disk; "
                "nothing was fetched."
            )

    @contextmanager
    def held(self, file: RemoteFile) -> Iterator[None]:
        """Lock a file against other programs that fetch it, as huggingface_hub does."""
        from huggingface_hub.utils import WeakFileLock

        lock = self.root / ".locks" / self.repo.name / f"{file.digest}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            yield

    def show(self) -> Path:
        """Name the files, once all are there: a snapshot, then the branch that leads to it."""
        for file in self.of.files:
            self._point(file)
        if self.of.revision != self.of.commit:
            ref = self.repo / "refs" / self.of.revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            part = ref.with_name(f"{ref.name}.studio.tmp")
            part.write_text(self.of.commit)
            replace(part, ref)
        return self.snapshot

    def _point(self, file: RemoteFile) -> None:
        place, blob = self.snapshot / file.name, self.blob(file)
        if place.is_file() and place.stat().st_size == file.size:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            place.symlink_to(os.path.relpath(blob, place.parent))
        except (OSError, NotImplementedError):  # a system, or a disk, without links
            shutil.copyfile(blob, place)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def pinned_id(folder: Path) -> str:
    """The id and commit of a snapshot in the person's cache, ``owner/name@commit``; else empty."""
    from huggingface_hub import constants

    repo, root = folder.parent.parent, Path(constants.HF_HUB_CACHE)
    kind, *parts = repo.name.split("--")
    snapshot = folder.parent.name == "snapshots" and repo.parent.resolve() == root.resolve()
    if not snapshot or kind != "models" or len(parts) != 2:
        return ""
    return f"{parts[0]}/{parts[1]}@{folder.name}"
