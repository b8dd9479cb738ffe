"""One tensor in its file: dtype, shape and place, and its elements read by position."""

import math
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

from studio.device import free_memory
from studio.disk.files import open_at_once
from studio.errors import BadCheckpoint

DTYPE_OF_CODE = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
CODES = {dtype: code for code, dtype in DTYPE_OF_CODE.items()}
_LARGE = 2**28  # bytes of memory that are asked for before they are taken


@dataclass(frozen=True)
class Entry:
    """One tensor as a header names it: file, dtype code, shape, and where its bytes lie.

    Attributes:
        file: that holds it.
        code: safetensors' name of the dtype.
        shape: of the tensor.
        start: first byte in the file.
        size: in bytes.
        stamp: device, inode, size and time of change of the file when its header was read.
    """

    file: Path
    code: str
    shape: tuple[int, ...]
    start: int
    size: int
    stamp: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """The torch dtype."""
        return DTYPE_OF_CODE[self.code]

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def floating(self) -> bool:
        """Whether the tensor holds floating-point numbers."""
        return self.dtype.is_floating_point


class Stored:
    """One tensor in its file, read by position; ``stored[a:b]`` are its flat elements a to b.

    Nothing is mapped into memory, so a file that is cut off meanwhile is a sentence, not a crash.
    """

    def __init__(self, name: str, entry: Entry) -> None:
        self.name = name
        self.entry = entry
        try:
            self._file = FileIO(entry.file, opener=open_at_once)
        except OSError as problem:
            raise self._unreadable(problem) from None
        self._refuse_changed()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def __getitem__(self, piece: slice) -> Tensor:
        start, stop, _ = piece.indices(self.numel())
        self.refuse_large(stop - start)
        return self.read(start, stop, torch.empty(max(stop - start, 0), dtype=self.dtype))

    @property
    def dtype(self) -> torch.dtype:
        """As stored."""
        return self.entry.dtype

    def numel(self) -> int:
        """Number of elements."""
        return self.entry.numel

    def refuse_large(self, numel: int) -> None:
        """Refuse to read more elements at once than memory is free for.

        Raises:
            BadCheckpoint: naming the bytes needed and free.
        """
        need = numel * self.dtype.itemsize
        if need > _LARGE and need > (free := free_memory()):
            raise BadCheckpoint(
                f"{self.entry.file}: {self.name} needs {need:,} bytes of memory, but only "
                f"{free:,} are free. Close other programs or use a larger machine."
            )

    def read(self, start: int, stop: int, out: Tensor) -> Tensor:
        """Fill ``out``, contiguous and of the stored dtype, with elements ``start:stop``.

        Raises:
            BadCheckpoint: the file was changed, cut off or removed since its header was read.
        """
        space = tensor_bytes(out)
        try:
            self._file.seek(self.entry.start + start * self.dtype.itemsize)
            while len(space) and (count := self._file.readinto(space)):
                space = space[count:]
        except OSError as problem:
            raise self._unreadable(problem) from None
        if len(space) or stop == self.numel():
            self._refuse_changed()
        return out

    def _refuse_changed(self) -> None:
        if stamp(os.fstat(self._file.fileno())) != self.entry.stamp:
            raise BadCheckpoint(
                f"{self.entry.file} was changed or cut off while it was in use; "
                f"{self.name} cannot be trusted. Open it again once it is complete."
            )

    def _unreadable(self, problem: OSError) -> BadCheckpoint:
        why = problem.strerror or str(problem)
        return BadCheckpoint(f"{self.entry.file}: {self.name} cannot be read: {why}.")


def tensor_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous CPU tensor, without a copy."""
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().data


def stamp(found: os.stat_result) -> tuple[int, ...]:
    """What tells one state of a file from another: device, inode, size, both times of change.

    The second time is the system's own, which no program sets back.
    """
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
