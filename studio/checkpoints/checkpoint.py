"""A checkpoint: one read-only folder, a full model or an adapter, with its digest."""

import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from studio.checkpoints.adapter import Adapter, Sorted
from studio.checkpoints.adapters import read_adapter
from studio.checkpoints.choice import choose, open_choice
from studio.checkpoints.kohya import read_kohya
from studio.checkpoints.layout import is_turned
from studio.checkpoints.lora import CONFIG_FILE
from studio.checkpoints.stored_names import common_lead
from studio.checkpoints.weights import Weights
from studio.disk.cache import cache_key, keep, recall
from studio.disk.files import inside, read_mapping, source_place
from studio.errors import BadCheckpoint

_LEAD = (
    "{folder} has '{lead}' before all of its {count} names, as compiled or distributed training "
    "does: they are read, and an export is written, without it."
)
_SETTLED = 10 * 10**9  # nanoseconds after which a file's time of change tells of every change


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A folder of weights.

    Attributes:
        folder: where it lies.
        weights: its tensors.
        adapter: options of the adapter, or None for a full model.
        notes: on what else lies in the folder and is not read, a sentence each.
        roots: folders into which links of its files may lead.
        lead: what stands before all names in its files, and is taken off.
    """

    folder: Path
    weights: Weights
    adapter: Adapter | None
    notes: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    lead: str = ""

    @property
    def kind(self) -> str:
        """'full', or the type of the adapter: 'LoRA', say."""
        return "full" if self.adapter is None else self.adapter.kind

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stored tensors, sorted."""
        return tuple(self.weights.entries)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the stored tensors, by name."""
        return {name: entry.shape for name, entry in self.weights.entries.items()}

    def tensor(self, name: str) -> Tensor:
        """One stored tensor, whole."""
        return self.weights.tensor(name)

    @cached_property
    def sorted_names(self) -> Sorted:
        """An adapter's modules, and its tensors that are trained whole.

        Raises:
            BadCheckpoint: a tensor that is not understood.
        """
        assert self.adapter is not None
        return self.adapter.sort_names(self.shapes, self.folder)

    @cached_property
    def turned(self) -> bool | None:
        """Whether the layers of a full model are stored as (in, out); None if nothing tells."""
        return is_turned(self.shapes)

    @cached_property
    def digest(self) -> str:
        """The weights root; for an adapter, hashed with the options that its delta depends on."""
        if self.adapter is None:
            return self.weights.root
        text = self.weights.root + "\n" + json.dumps(self.adapter.plain(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def known_digest(self) -> str:
        """The digest, recalled if no file has been touched since it was taken.

        To look at a checkpoint again without reading it; a record wants ``digest``.
        """
        state = [(str(file), *found) for file, found in self.weights.states()]
        key = cache_key("digest", state, repr(self.adapter))
        known = recall(key)
        if known is not None and re.fullmatch(rb"[0-9a-f]{64}", known):
            return known.decode()
        digest = self.digest
        newest = max(moment for _, found in self.weights.states() for moment in found[-2:])
        if time.time_ns() - newest > _SETTLED:  # a change within a tick of the clock is not seen
            keep(key, digest.encode())
        return digest

    @cached_property
    def config(self) -> dict:
        """The folder's ``config.json``; empty if it has none. Not to be changed."""
        return self._mapping("config.json")

    @cached_property
    def adapter_config(self) -> dict:
        """The folder's ``adapter_config.json``, of an adapter that has one. Not to be changed."""
        return self._mapping(CONFIG_FILE) if self.adapter else {}

    def _mapping(self, name: str) -> dict:
        file = self.folder / name
        return read_mapping(self.inside(file), BadCheckpoint) if os.path.lexists(file) else {}

    def inside(self, file: Path) -> Path:
        """A file of the folder that may be read.

        Raises:
            BadCheckpoint: it is no regular file, or a link that leads elsewhere.
        """
        return inside(file.parent, file, BadCheckpoint, self.roots)


def open_checkpoint(source: str | Path, roots: tuple[Path, ...] = ()) -> Checkpoint:
    """Open a folder, a file of it, or (text only) a hub id in the local cache; headers are read.

    Args:
        source: of the checkpoint; ``choose`` says which files count.
        roots: folders into which links of its files may lead.

    Raises:
        BadCheckpoint: naming the folder or file and what is wrong with it.
    """
    return _opened(source, False, roots)


def open_base(source: str | Path, roots: tuple[Path, ...] = ()) -> Checkpoint:
    """The same for a base: of a folder that also holds an adapter, the full model.

    What compiled or distributed training put before all of its names is taken off.

    Raises:
        BadCheckpoint: as ``open_checkpoint``.
    """
    return _opened(source, True, roots)


def _opened(source: str | Path, full: bool, roots: tuple[Path, ...]) -> Checkpoint:
    place = source_place(str(source.absolute() if isinstance(source, Path) else source))
    try:
        choice = choose(place, full, roots)
        config = None
        if choice.adapter:
            inside(choice.folder, choice.folder / CONFIG_FILE, BadCheckpoint, roots)
            config = read_adapter(choice.folder)
        weights = open_choice(choice, roots)
        notes = choice.beside({entry.file for entry in weights.entries.values()})
        config = config or read_kohya(weights, choice.folder)
        lead = common_lead(weights.entries) if full and config is None else ""
        if lead:
            names = {name.removeprefix(lead): name for name in weights.entries}
            weights = weights.seen(names, names.values())
            notes = (*notes, _LEAD.format(folder=choice.folder.name, lead=lead, count=len(names)))
        return Checkpoint(choice.folder, weights, config, notes, roots, lead)
    except OSError as problem:
        raise BadCheckpoint(f"{place} cannot be read: {problem.strerror}.") from None
