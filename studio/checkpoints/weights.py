"""Folders of safetensors: strict headers, shards, tensors read on demand, a root digest."""

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Collection, Mapping
from copy import copy
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.stored import DTYPE_OF_CODE, Entry, Stored, stamp, tensor_bytes
from studio.disk.files import inside, mapping, open_regular, parse_json, read_mapping
from studio.errors import BadCheckpoint
from studio.parallel import SMALL, in_order
from studio.progress import Meter, Progress, silent

LARGEST_HEADER = 16 * 2**20
MOST_TENSORS = 100_000
LONGEST_NAME = 512
MOST_DIMENSIONS = 64
HEAD_FILES = ("head.safetensors", "head_only.safetensors")  # lie beside adapters, are no model
_BLOCK = 2**18  # elements read at a time for hashing
_TIED = ("lm_head.weight", "embed_tokens.weight", "shared.weight", "decoder.weight", "decoder.bias")
_SHARD = re.compile(r"[\w.-]+\.safetensors")


class Weights:
    """The tensors of a set of safetensors files, read on demand."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        entries: dict[str, Entry] = {}
        for file in files:
            for name, entry in read_header(file).items():
                if name in entries:
                    raise BadCheckpoint(
                        f"{file.parent}: both {entries[name].file.name} and {file.name} "
                        f"hold the tensor {name}."
                    )
                entries[name] = entry
            if len(entries) > MOST_TENSORS:
                raise BadCheckpoint(
                    f"{file.parent} holds {len(entries):,} tensors; at most {MOST_TENSORS:,} are "
                    "read."
                )
        if not entries:
            raise BadCheckpoint(f"{', '.join(map(str, files)) or 'The index'} holds no tensors.")
        self.entries: Mapping[str, Entry] = dict(sorted(entries.items()))
        self._root: str | None = None
        self._whole: Weights | None = None

    def seen(self, twins: Mapping[str, str], copies: Collection[str]) -> "Weights":
        """The same files with some tensors under a second name, or left out.

        Args:
            twins: ``{second name: name}``.
            copies: names that are left out.

        Returns:
            Weights of the same root, which is that of the files.
        """
        view = copy(self)
        kept = {name: entry for name, entry in self.entries.items() if name not in copies}
        more = {twin: self.entries[name] for twin, name in twins.items()}
        view.entries = dict(sorted((kept | more).items()))
        view._whole = self.whole
        return view

    @property
    def whole(self) -> "Weights":
        """All tensors of the files, as they are stored."""
        return self._whole or self

    def cut(self, parts: Mapping[str, Entry], wholes: Collection[str]) -> "Weights":
        """The same files with parts of some tensors in the place of the tensors.

        Args:
            parts: places of the parts, by name.
            wholes: names of what they are parts of.

        Returns:
            Weights of the same root, which is that of the files.
        """
        view = self.seen({}, wholes)
        view.entries = dict(sorted((dict(view.entries) | dict(parts)).items()))
        return view

    def stored(self, name: str) -> Stored:
        """A tensor's place in its file; its elements are read when they are asked for."""
        return Stored(name, self.entries[name])

    def tensor(self, name: str) -> Tensor:
        """The whole tensor as stored."""
        return self.stored(name)[:].reshape(self.entries[name].shape)

    def states(self) -> list[tuple[Path, tuple[int, ...]]]:
        """Per file what tells one state of it from another; the last two are times of change."""
        files = sorted({entry.file for entry in self.entries.values()})
        found = {file: file.stat() for file in files}
        return [(file, stamp(each)) for file, each in found.items()]

    def refuse_changed(self) -> None:
        """Refuse files that are not what they were when their headers were read.

        Raises:
            BadCheckpoint: naming the file.
        """
        known = {entry.file: entry.stamp for entry in self.entries.values()}
        for file, found in self.states():
            if found != known[file]:
                raise BadCheckpoint(
                    f"{file} was changed while it was in use, so that what was computed cannot be "
                    "trusted. Open it again once it is complete."
                )

    @property
    def root(self) -> str:
        """Weights root: sha256 over the sorted (name, dtype, shape, sha256 of the bytes)."""
        return self.take_root()

    def take_root(self, progress: Progress = silent) -> str:
        """The weights root; the first call reads all bytes and tells the share of them read."""
        if self._whole is not None:
            return self._whole.take_root(progress)
        if self._root is None:
            meter = Meter(sum(entry.size for entry in self.entries.values()), progress)
            hashes = in_order(lambda name: self.sha256(name, meter), self.entries, SMALL)
            self._root = weights_root(
                (name, entry.code, entry.shape, digest)
                for (name, entry), digest in zip(self.entries.items(), hashes, strict=True)
            )
        return self._root

    def sha256(self, name: str, meter: Meter | None = None) -> str:
        """Sha256 of one tensor's bytes in the file's (little-endian) order."""
        stored, digest = self.stored(name), hashlib.sha256()
        room = torch.empty(min(_BLOCK, stored.numel()), dtype=stored.dtype)
        for start in range(0, stored.numel(), _BLOCK):
            stop = min(start + _BLOCK, stored.numel())
            read = tensor_bytes(stored.read(start, stop, room[: stop - start]))
            digest.update(read)
            if meter is not None:
                meter.add(read.nbytes, f"hashed: {name}")
        return digest.hexdigest()


def weights_root(tensors: object) -> str:
    """Digest of (name, dtype code, shape, sha256) tuples in the order of their names.

    Each is one line of JSON, ``["name","F32",[2,3],"hex"]``, ended by a newline.
    """
    root = hashlib.sha256()
    for name, code, shape, digest in sorted(tensors):  # type: ignore[call-overload]
        line = json.dumps([name, code, list(shape), digest], separators=(",", ":"))
        root.update(line.encode() + b"\n")
    return root.hexdigest()


def read_header(file: Path) -> dict[str, Entry]:
    """Header of one safetensors file, checked before anything else reads the file.

    Raises:
        BadCheckpoint: truncated, oversized, not JSON, or tensors that overlap, leave gaps or
            do not fit their dtype and shape.
    """
    return read_header_and_notes(file)[0]


def read_header_and_notes(file: Path) -> tuple[dict[str, Entry], dict]:
    """The same, and what the file says of itself: safetensors' ``__metadata__``, {} if null."""
    try:
        with open_regular(file, BadCheckpoint) as stream:
            found = os.fstat(stream.fileno())
            total = found.st_size
            prefix = stream.read(8)
            if len(prefix) < 8:
                raise BadCheckpoint(f"{file} has {total} bytes; it is cut off before its header.")
            length = struct.unpack("<Q", prefix)[0]
            if length > total - 8:
                raise BadCheckpoint(
                    f"{file}: the header claims {length:,} bytes, but only {total - 8:,} follow. "
                    "The file is cut off or is not safetensors; download it again."
                )
            if length > LARGEST_HEADER:
                raise BadCheckpoint(
                    f"{file}: a header of {length:,} bytes; at most {LARGEST_HEADER:,} are read."
                )
            text = stream.read(length).decode("utf-8")
    except UnicodeDecodeError:
        raise BadCheckpoint(f"{file}: the header is not UTF-8 text.") from None
    except OSError as problem:
        raise BadCheckpoint(f"{file} cannot be read: {problem.strerror}.") from None
    return parse_header(file, text, 8 + length, stamp(found))


def parse_header(
    file: Path, text: str, first: int, seen: tuple[int, ...]
) -> tuple[dict[str, Entry], dict]:
    """The tensors of a header and what the file says of itself, all checked.

    Args:
        file: that it is of.
        text: of the header.
        first: byte of the file at which the tensors begin.
        seen: the file's ``stamp``, whose third number is its size.

    Raises:
        BadCheckpoint: as ``read_header``.
    """
    where = f"{file}: the header"
    header = mapping(parse_json(text, where, BadCheckpoint), where, BadCheckpoint)
    notes = _texts(header.pop("__metadata__", None), f"{where}'s __metadata__")
    if len(header) > MOST_TENSORS:
        raise BadCheckpoint(f"{file} names {len(header):,} tensors; at most {MOST_TENSORS:,}.")
    return _entries(file, header, first, seen), notes


def _texts(notes: object, where: str) -> dict:
    """What a file says of itself: text by name; null is nothing, as safetensors reads it."""
    notes = mapping({} if notes is None else notes, where, BadCheckpoint)
    for key, value in notes.items():
        if not isinstance(value, str):
            raise BadCheckpoint(
                f"{where} holds {key[:100]!r}: {json.dumps(value)[:100]}; safetensors allows text "
                "only, and no other tool opens the file. Save it again."
            )
    return notes


def _entries(file: Path, header: dict, first: int, seen: tuple[int, ...]) -> dict[str, Entry]:
    space = seen[2] - first
    entries, spans = {}, []
    for name, fields in header.items():
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise BadCheckpoint(
                f"{file} names a tensor {name[:60]!r} ({len(name):,} characters); names have at "
                f"most {LONGEST_NAME}, all printable."
            )
        where = f"{file}: {name}"
        fields = mapping(fields, where, BadCheckpoint)
        code = fields.get("dtype")
        if not isinstance(code, str) or code not in DTYPE_OF_CODE:
            raise _unknown_dtype(where, code)
        shape, span = _naturals(fields, "shape", where), _naturals(fields, "data_offsets", where)
        if len(span) != 2:
            raise BadCheckpoint(f"{where} has {len(span)} data_offsets; there must be 2.")
        if len(shape) > MOST_DIMENSIONS or math.prod(x or 1 for x in shape) >= 2**60:
            raise BadCheckpoint(f"{where} has the impossible shape {shape[:MOST_DIMENSIONS]}.")
        size = math.prod(shape) * DTYPE_OF_CODE[code].itemsize
        if span[1] - span[0] != size:
            raise BadCheckpoint(
                f"{where}: {code} {tuple(shape)} needs {size:,} bytes, "
                f"its offsets span {span[1] - span[0]:,}."
            )
        entries[name] = Entry(file, code, tuple(shape), first + span[0], size, seen)
        spans.append((*span, name))
    end = 0
    for start, stop, name in sorted(spans):
        if start != end:
            raise BadCheckpoint(f"{file}: {name} starts at byte {start:,}, expected {end:,}.")
        end = stop
    if end != space:
        raise BadCheckpoint(
            f"{file}: the tensors need {end:,} bytes, the file holds {space:,}. "
            "It is cut off or damaged; download it again."
        )
    return entries


def _unknown_dtype(where: str, code: object) -> BadCheckpoint:
    small = isinstance(code, str) and re.match(r"F[468]_", code)
    why = " These are quantized weights: merge on what they were made from." if small else ""
    return BadCheckpoint(f"{where} has dtype {code!r}; known are {', '.join(DTYPE_OF_CODE)}.{why}")


def _naturals(fields: dict, key: str, where: str) -> list[int]:
    value = fields.get(key)
    if not isinstance(value, list) or not all(type(x) is int and 0 <= x < 2**48 for x in value):
        raise BadCheckpoint(f"{where} has {key} {value!r}; they must be whole numbers from 0.")
    return value


def open_shards(folder: Path, index: Path, roots: tuple[Path, ...] = ()) -> Weights:
    """The weights that an index lists.

    Raises:
        BadCheckpoint: it points outside the folder, at a missing shard or one that leads out of
            the folder and the roots, or disagrees with its shards.
    """
    content = read_mapping(inside(folder, index, BadCheckpoint, roots), BadCheckpoint)
    where = f"{index}: weight_map"
    listed = mapping(content.get("weight_map"), where, BadCheckpoint)
    for tensor, shard in listed.items():
        if not isinstance(shard, str) or not _SHARD.fullmatch(shard):
            raise BadCheckpoint(
                f"{index} places {tensor} in {shard!r}; a shard must lie in the same folder and be "
                "called something.safetensors."
            )
    shards = [folder / name for name in sorted({*listed.values()})]
    weights = Weights(tuple(inside(folder, each, BadCheckpoint, roots) for each in shards))
    held = {name: entry.file.name for name, entry in weights.entries.items()}
    apart = {name for name in {*listed, *held} if held.get(name) != listed.get(name)}
    # a tied tensor may be listed under each of its names and stored under one
    wrong = sorted(name for name in apart if name in held or not name.endswith(_TIED))
    if wrong:
        raise BadCheckpoint(
            f"{index} and its shards disagree on {len(wrong)} tensors, the first is {wrong[0]}."
        )
    return weights
