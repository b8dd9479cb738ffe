"""A sealed file: tensors, what the file says of itself, and digests of both in its header."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from studio.checkpoints.stored import Entry, Stored
from studio.checkpoints.weights import Weights, read_header_and_notes, weights_root
from studio.checkpoints.writer import Layout, write_weights
from studio.disk.files import mapping, parse_json, text_field
from studio.errors import BadState
from studio.progress import Progress, silent

UNSEALED = "0" * 64


@dataclass(frozen=True, eq=False)
class Sealed:
    """A sealed file, of which the header was read.

    Attributes:
        path: of the file.
        said: what it says of itself.
        text: the same as it stands in the header.
        seal: digest of the text, as it was written.
        root: weights root of its tensors, as it was written.
        tensors: None if it holds none.
    """

    path: Path
    said: dict
    text: str
    seal: str
    root: str
    tensors: Weights | None

    @property
    def entries(self) -> dict[str, Entry]:
        """Of its tensors."""
        return dict(self.tensors.entries) if self.tensors else {}

    def stored(self, name: str) -> Stored | None:
        """A tensor's place in the file; None if it is not there."""
        if self.tensors is None or name not in self.tensors.entries:
            return None
        return self.tensors.stored(name)

    def refuse_edited(self) -> None:
        """Refuse a header that is not what was written.

        Raises:
            BadState: naming the file.
        """
        if self.seal != seal_of(self.text):
            found = seal_of(self.text)
            raise damaged(
                self.path, f"its header has the digest {found[:12]}…, not {self.seal[:12]}…"
            )

    def refuse_damaged(self, progress: Progress = silent) -> None:
        """Read all tensors, and refuse them if they are not what was written.

        Raises:
            BadState: naming the file.
        """
        refuse_other_root(self.path, self.tensors, self.root, progress)


def write_sealed(
    file: Path, key: str, said: dict, layout: Layout,
    values: Callable[[str], Iterable[Tensor]], progress: Progress = silent,
) -> str:  # fmt: skip
    """Write tensors to a file, and what it says of itself with both digests into its header.

    Returns:
        The weights root of the tensors.
    """
    text = json.dumps(said)
    notes = {key: text, "seal": seal_of(text), "root": UNSEALED}
    root = write_weights(file.parent, layout, values, progress, file.name, sys.maxsize, notes)
    with file.open("r+b") as stream:
        header = stream.read(int.from_bytes(stream.read(8), "little"))
        stream.seek(8 + header.index(f'"root":"{UNSEALED}"'.encode()) + len('"root":"'))
        stream.write(root.encode())
    return root


def said_in(path: Path, key: str) -> str | None:
    """What a file says of itself under a key, as text; None if it says nothing.

    Raises:
        BadCheckpoint: it is no safetensors file, or is cut off.
    """
    text = read_header_and_notes(path)[1].get(key)
    return text if isinstance(text, str) else None


def open_sealed(path: Path, key: str, version: int, what: str, again: str) -> Sealed:
    """Read a sealed file's header, not yet its seals; tensors are read when they are asked for.

    Args:
        path: of the file.
        key: under which it says what it is.
        version: that this studio reads.
        what: it is, for people.
        again: how one comes by another.

    Raises:
        BadCheckpoint: it is no safetensors file, or is cut off.
        BadState: it is of another kind or version.
    """
    entries, notes = read_header_and_notes(path)
    text = notes.get(key)
    if not isinstance(text, str):
        raise BadState(f"{path} is not {what}; {again}.")
    data = mapping(parse_json(text, str(path), BadState), str(path), BadState)
    if data.get("version") != version:
        raise BadState(
            f"{path} is {what} of version {data.get('version')!r}; this studio reads version "
            f"{version}. Build it again from the checkpoints, or use the studio that wrote it."
        )
    root, seal = (text_field(notes, name, str(path), BadState) for name in ("root", "seal"))
    return Sealed(path, data, text, seal, root, Weights((path,)) if entries else None)


def refuse_other_root(
    path: Path, tensors: Weights | None, root: str, progress: Progress = silent
) -> None:
    """Read all tensors of a file, and refuse them if they have another root.

    Raises:
        BadState: naming the file.
    """
    found = tensors.take_root(progress) if tensors else weights_root(())
    if found != root:
        raise damaged(path, f"its sums have the root {found[:12]}…, not {root[:12]}…")


def seal_of(text: str) -> str:
    """Digest of what a file says of itself, by which a change of it is seen."""
    return hashlib.sha256(text.encode()).hexdigest()


def damaged(path: Path, what: str) -> BadState:
    """The error for a file that is not what was written."""
    return BadState(
        f"{path} is damaged: {what}. Take a copy of it that is whole, or build it again from the "
        "checkpoints."
    )
