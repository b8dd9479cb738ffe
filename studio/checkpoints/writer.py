"""Write safetensors shards piece by piece, in memory that does not depend on the model's size."""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.stored import CODES, tensor_bytes
from studio.checkpoints.weights import weights_root
from studio.parallel import SMALL, in_order
from studio.progress import Meter, Progress, silent

LARGEST_SHARD = 5 * 10**9

Layout = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def write_weights(
    folder: Path,
    layout: Layout,
    values: Callable[[str], Iterable[Tensor]],
    progress: Progress = silent,
    file: str = "model.safetensors",
    largest_shard: int = LARGEST_SHARD,
    notes: Mapping[str, str] | None = None,
) -> str:
    """Write tensors to one file, or to shards with an index.

    Args:
        folder: an existing folder.
        layout: dtype and shape per name; tensors are spread over shards in the order of their
            names, and within a shard the widest dtypes come first, so that all stay aligned.
        values: the flat pieces of a tensor, in order and in the dtype announced; called on
            several threads, for one tensor each.
        progress: told the share of bytes written after every piece, see ``Meter``.
        file: name of the one file; shards are numbered.
        largest_shard: bytes per file; a larger tensor gets a file of its own.
        notes: what every file says of itself (safetensors' ``__metadata__``).

    Returns:
        The weights root of what was written.
    """
    sizes = {
        name: dtype.itemsize * torch.Size(shape).numel() for name, (dtype, shape) in layout.items()
    }
    shards = _split(sizes, largest_shard)
    places: dict[str, tuple[Path, int]] = {}
    for number, names in enumerate(shards, 1):
        path = folder / (file if len(shards) == 1 else _shard(file, number, len(shards)))
        names = sorted(names, key=lambda name: (-layout[name][0].itemsize, name))
        header = _header({name: layout[name] for name in names}, sizes, notes or {})
        path.write_bytes(header)
        at = len(header)
        for name in names:
            places[name], at = (path, at), at + sizes[name]

    meter = Meter(sum(sizes.values()), progress)

    def write(name: str) -> str:
        return _write_tensor(*places[name], _reported(name, values(name), meter))

    largest_first = sorted(places, key=lambda name: -sizes[name])
    written = in_order(write, largest_first, SMALL)
    hashes = dict(zip(largest_first, written, strict=True))
    if len(shards) > 1:
        index = {
            "metadata": {"total_size": sum(sizes.values())},
            "weight_map": {name: path.name for name, (path, _) in places.items()},
        }
        (folder / f"{file}.index.json").write_text(json.dumps(index, indent=1))
    return weights_root(
        (name, CODES[dtype], shape, hashes[name]) for name, (dtype, shape) in layout.items()
    )


def _reported(name: str, pieces: Iterable[Tensor], meter: Meter) -> Iterator[Tensor]:
    """The pieces of a tensor, each reported once it is taken care of."""
    for piece in pieces:
        yield piece
        meter.add(piece.nbytes, f"written: {name}")


def _write_tensor(file: Path, start: int, values: Iterable[Tensor]) -> str:
    """Write one tensor at its place; returns the sha256 of its bytes."""
    digest = hashlib.sha256()
    with file.open("r+b") as stream:
        stream.seek(start)
        for piece in values:
            digest.update(tensor_bytes(piece))
            stream.write(tensor_bytes(piece))
    return digest.hexdigest()


def _split(sizes: dict[str, int], largest: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for name in sorted(sizes):
        if shards[-1] and filled + sizes[name] > largest:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += sizes[name]
    return shards


def _shard(file: str, number: int, count: int) -> str:
    return f"{Path(file).stem}-{number:05}-of-{count:05}{Path(file).suffix}"


def _header(layout: Layout, sizes: dict[str, int], notes: Mapping[str, str]) -> bytes:
    header: dict[str, dict] = {"__metadata__": {"format": "pt", **notes}}
    start = 0
    for name, (dtype, shape) in layout.items():
        stop = start + sizes[name]
        header[name] = {"dtype": CODES[dtype], "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text
