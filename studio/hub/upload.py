"""A file as it is pushed: read piece by piece, with another header where it holds weights."""

import io
import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from studio.checkpoints.weights import LARGEST_HEADER, read_header
from studio.errors import BadCheckpoint

Told = Callable[[int], None]


class Upload(io.BufferedIOBase):
    """Some bytes, then a file from a byte on; tells how far it was read.

    Args:
        head: what comes first.
        file: what follows; None for nothing.
        start: first byte of the file that follows.
        told: called with the number of bytes read, each time.
    """

    def __init__(self, head: bytes, file: Path | None, start: int, told: Told) -> None:
        super().__init__()
        self._head, self._start, self._told, self._at = head, start, told, 0
        self._file = file.open("rb") if file else io.BytesIO()
        self.size = len(head) + max((file.stat().st_size if file else 0) - start, 0)

    def readable(self) -> bool:
        """It can be."""
        return True

    def seekable(self) -> bool:
        """It can be."""
        return True

    def tell(self) -> int:
        """The place from which the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        before = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(before + offset, 0)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or what is left."""
        wanted = self.size - self._at if size is None or size < 0 else size
        piece = self._head[self._at : self._at + wanted]
        if len(piece) < wanted:
            self._file.seek(self._start + max(self._at - len(self._head), 0))
            piece += self._file.read(wanted - len(piece))
        self._at += len(piece)
        self._told(len(piece))
        return piece

    def read1(self, size: int = -1, /) -> bytes:
        """The same."""
        return self.read(size)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
        super().close()


def with_notes(file: Path, notes: Mapping[str, str]) -> tuple[bytes, int]:
    """The header of a safetensors file that says more of itself, and where the numbers begin.

    Args:
        file: whose header is checked.
        notes: what it says, in ``__metadata__``; added to what it says already.

    Returns:
        The bytes that come before the numbers, and the first byte of these in the file.

    Raises:
        BadCheckpoint: it is no safetensors file, or the header would be too long for readers.
    """
    read_header(file)
    with file.open("rb") as stream:
        length = struct.unpack("<Q", stream.read(8))[0]
        header = json.loads(stream.read(length))
    header["__metadata__"] = {"format": "pt"} | (header.get("__metadata__") or {}) | dict(notes)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LARGEST_HEADER:
        raise BadCheckpoint(
            f"{file} with its recipe would have a header of {len(text):,} bytes; readers take at "
            f"most {LARGEST_HEADER:,}."
        )
    return struct.pack("<Q", len(text)) + text, 8 + length
