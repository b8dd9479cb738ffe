"""Tampering, as a demonstration: one bit of a copy is flipped, and the verification finds it."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from studio.disk.folders import free_space, needed_space
from studio.errors import BadCertificate
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.evidence.verify import Verification, verify
from studio.progress import Progress, silent


@dataclass(frozen=True)
class Tampered:
    """What was done to a copy, and what the verification says of it.

    Attributes:
        file: that was changed.
        place: of the byte.
        before: its value.
        after: its value.
        found: by the verification.
    """

    file: str
    place: int
    before: int
    after: int
    found: Verification


def tamper(bundle: Path, public_key: Path, within: Path, progress: Progress = silent) -> Tampered:
    """Flip the lowest bit of one byte in the middle of a copy's weights, and verify the copy.

    Args:
        bundle: to copy; it is only read.
        public_key: of its signer.
        within: a folder for the copy, which is deleted again.
        progress: told the share done.

    Raises:
        BadCertificate: the bundle holds no weights or a link, or there is no room for a copy.
    """
    if any(file.is_symlink() for file in bundle.rglob("*")):
        raise BadCertificate(f"{bundle.name} holds a symbolic link, so it is no bundle; verify it.")
    weights = sorted(bundle.glob("*.safetensors"), key=lambda file: file.stat().st_size)
    if not weights or not weights[-1].stat().st_size:
        raise BadCertificate(f"{bundle.name} holds no weights that could be changed.")
    size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
    if needed_space(size) > free_space(within / "copy"):
        raise BadCertificate(f"There is no room for a copy of {bundle.name} ({size:,} bytes).")
    with tempfile.TemporaryDirectory(dir=within, prefix="tampered-") as folder:
        progress(0.0, "copying the bundle")
        copy = Path(shutil.copytree(bundle, Path(folder) / bundle.name, symlinks=True))
        file = copy / weights[-1].name
        place = file.stat().st_size - file.stat().st_size // 4
        with file.open("r+b") as stream:
            stream.seek(place)
            before = stream.read(1)[0]
            stream.seek(place)
            stream.write(bytes([before ^ 1]))
            os.fsync(stream.fileno())
        found = verify(copy, copy / CERTIFICATE_FILE, public_key, progress=progress)
    return Tampered(file.name, place, before, before ^ 1, found)
