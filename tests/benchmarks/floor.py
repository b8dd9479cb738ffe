"""The practical floor of a linear merge, and of one read of its inputs.

A merge that knows nothing of tensors: the data sections of files with equal headers are flat
vectors, memory-mapped and added in pieces of 2^20 elements by two threads, each writing its own at
its own position. No digest, no check for NaN, no fsync, no second look at the result.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

_BEGAN = time.perf_counter()

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from tests.benchmarks.measure import measured  # noqa: E402

_PIECE = 2**20  # elements
_DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16}


def merge(files: Sequence[Path], target: Path, coefficient: float, threads: int) -> None:
    """Write base + coefficient * sum_i (task_i - base); the first file is the base."""
    headers, vectors = zip(*(flat(file) for file in files), strict=True)
    assert all(header == headers[0] for header in headers), "the files differ in their tensors"
    base, *tasks = vectors
    kept = 1.0 - coefficient * len(tasks)
    header = _stored_header(files[0])
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def add(start: int) -> None:
        piece = slice(start, start + _PIECE)
        total = base[piece].float() * kept
        for task in tasks:
            total.add_(task[piece].float(), alpha=coefficient)
        data = total.to(base.dtype).view(torch.uint8).numpy().data
        os.pwrite(out, data, len(header) + start * base.itemsize)

    try:
        os.pwrite(out, header, 0)
        _in_pieces(add, len(base), _PIECE, threads)
    finally:
        os.close(out)


def read(files: Sequence[Path], threads: int) -> None:
    """Add up the bytes of some files, eight at a time, from memory-mapped pages."""
    for file in files:
        words = _mapped(file)[: file.stat().st_size // 8 * 8].view(torch.int64)
        _in_pieces(
            lambda start, words=words: words[start : start + _PIECE].sum(),
            len(words), _PIECE, threads,
        )  # fmt: skip


def flat(file: Path) -> tuple[dict, Tensor]:
    """A file's tensors by name (dtype, shape, offsets), and its data section as one vector."""
    stored = _stored_header(file)
    header = json.loads(stored[8:])
    header.pop("__metadata__", None)
    (dtype,) = {_DTYPES[entry["dtype"]] for entry in header.values()}
    return header, _mapped(file)[len(stored) :].view(dtype)


def _mapped(file: Path) -> Tensor:
    return torch.from_file(str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8)


def _stored_header(file: Path) -> bytes:
    with file.open("rb") as stream:
        length = stream.read(8)
        return length + stream.read(int.from_bytes(length, "little"))


def _in_pieces(work: Callable[[int], object], size: int, piece: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(0, size, piece)):
            pass


def main(command: str, threads: str, target: str, *files: str) -> None:
    """Measure one run and print it; ``target`` is ``-`` for a read."""
    torch.set_num_threads(1)  # within a piece
    paths = [Path(file) for file in files]
    if command == "merge":
        found = measured(lambda: merge(paths, Path(target), 0.3, int(threads)), _BEGAN)
        Path(target).unlink()
    else:
        found = measured(lambda: read(paths, int(threads)), _BEGAN)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
