"""Deltas (task vectors): what each checkpoint adds to the base, one piece of a tensor at a time."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor

from studio.checkpoints.adapters import delta_of
from studio.checkpoints.alignment import Join, join
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.low_rank import Factors, Rows
from studio.checkpoints.stored import Stored
from studio.errors import NotFinite, NothingToMerge
from studio.parallel import in_order

Source = Stored | Rows
CHUNK = 2**16
"""Elements per piece of the streaming loops; fixed, so that sums have one order everywhere."""


@dataclass(frozen=True)
class Resident:
    """A delta held in memory, flat, in the dtype it was computed in; and how to get it anew."""

    values: Tensor
    fresh: Callable[[], "TensorDeltas"]


class Room:
    """Buffers that are used again for every piece of a tensor; one per thread and tensor.

    Fresh memory for every piece would cost more than the arithmetic.
    """

    def __init__(self) -> None:
        self._buffers: dict[object, Tensor] = {}

    def take(self, use: object, numel: int, dtype: torch.dtype) -> Tensor:
        """``numel`` elements; whatever was last taken for the same use is overwritten."""
        held = self._buffers.get((use, dtype))
        if held is None or held.numel() < numel:
            held = self._buffers[use, dtype] = torch.empty(numel, dtype=dtype)
        return held[:numel]


@dataclass(frozen=True)
class TensorDeltas:
    """The n deltas of one tensor.

    Attributes:
        name: of the tensor in the base.
        shape: of the tensor.
        base: the base's elements, as stored.
        sources: per task the stored tensor, its low-rank factors, a delta in memory, or None
            where the task leaves this tensor alone.
    """

    name: str
    shape: tuple[int, ...]
    base: Stored
    sources: tuple[Source | Resident | None, ...]

    @property
    def numel(self) -> int:
        """Elements of the tensor."""
        return self.base.numel()

    @property
    def factors(self) -> tuple[Factors | None, ...]:
        """Per task the low-rank factors of its delta, or None if it has none."""
        held = next((s for s in self.sources if isinstance(s, Resident)), None)
        if held:  # what was derived decides itself: its sources are those it was derived from
            return held.fresh().factors
        return tuple(s if isinstance(s, Factors) else None for s in self.sources)

    def base_piece(self, start: int, stop: int, dtype: torch.dtype, room: Room) -> Tensor:
        """Elements ``start:stop`` of the base; valid until the next piece is taken."""
        return _read(self.base, start, stop, dtype, room, "base")

    def vectors(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> Iterator[Tensor | None]:
        """Elements ``start:stop`` of every task's delta, task by task.

        A tensor that is yielded must not be changed, and is valid until the next is asked for.
        """
        base = None
        for task, source in enumerate(self.sources):
            if isinstance(source, Stored):
                if base is None:
                    base = self.base_piece(start, stop, dtype, room)
                values = _read(source, start, stop, dtype, room, "delta")
                yield torch.sub(values, base, out=values)
            else:
                yield TensorDeltas.delta(self, task, start, stop, dtype)

    def delta(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor | None:
        """Elements ``start:stop`` of a task's flat delta (MDM-OC, Eqs. 1 and 11).

        Every element is computed alone, so the cut does not change a bit.
        """
        source = self.sources[task]
        if source is None:
            return None
        if isinstance(source, Resident):
            if source.values.dtype == dtype:
                return source.values[start:stop]
            return source.fresh().delta(task, start, stop, dtype)  # wider than what is held
        if isinstance(source, Rows):
            width = self.shape[1]
            first = start // width
            rows = source.rows(first, -(-stop // width), dtype)
            return rows.view(-1)[start - first * width : stop - first * width]
        return source[start:stop].to(dtype) - self.base[start:stop].to(dtype)


Transform = Callable[[TensorDeltas], TensorDeltas]


class Deltas:
    """n deltas on one base; nothing is read before it is asked for, and nothing is kept."""

    def __init__(self, base: Checkpoint, checkpoints: Sequence[tuple[str, Checkpoint]]) -> None:
        self.base = base
        self.tasks = tuple(name for name, _ in checkpoints)
        self.checkpoints = tuple(checkpoint for _, checkpoint in checkpoints)
        self.joins: tuple[Join, ...] = tuple(join(base, name, c) for name, c in checkpoints)
        touched = {name for j in self.joins for name in j.shared}
        self.names = tuple(sorted(touched))
        self._transform: Transform | None = None
        self._resident: dict[str, tuple[Tensor | None, ...]] = {}
        self._part_of: tuple[Deltas, list[int]] | None = None
        self.combined = False

    def __len__(self) -> int:
        return len(self.tasks)

    @cached_property
    def dtype(self) -> torch.dtype:
        """Compute dtype: float64 if the base or a checkpoint stores float64, else float32."""
        codes = {
            entry.code
            for c in (self.base, *self.checkpoints)
            for entry in c.weights.entries.values()
        }
        return torch.float64 if "F64" in codes else torch.float32

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(task, folder) of every checkpoint, in order."""
        folders = (str(checkpoint.folder) for checkpoint in self.checkpoints)
        return tuple(zip(self.tasks, folders, strict=True))

    def at(self, name: str) -> TensorDeltas:
        """The deltas of one tensor of the base."""
        fresh = cache(lambda: self._fresh(name))
        if (dense := self._in_memory(name)) is None:
            return fresh()
        held = tuple(None if values is None else Resident(values, fresh) for values in dense)
        base = self.base.weights.stored(name)
        return TensorDeltas(name, base.entry.shape, base, held)

    def private(self, task: str) -> dict[str, Tensor]:
        """A task's own tensors (its head, say), which are never merged."""
        index = self.tasks.index(task)
        checkpoint = self.checkpoints[index]
        return {name: checkpoint.tensor(at) for name, at in self.joins[index].private.items()}

    def derived(self, transform: Transform) -> "Deltas":
        """What a method makes of these deltas, tensor by tensor, in the place of the deltas."""
        made, before = copy(self), self._transform
        made._transform = (lambda raw: transform(before(raw))) if before else transform
        made._resident, made._part_of = {}, None
        return made

    def into_one(self, transform: Transform) -> "Deltas":
        """One vector that a method makes of all deltas of a tensor, in their place."""
        made = self.derived(transform)
        made.combined = True
        return made

    def subset(self, tasks: Sequence[str]) -> "Deltas":
        """The deltas of some of the tasks, in the order given.

        They share what these hold in memory, now or later.
        """
        indices = [self.tasks.index(task) for task in tasks]
        chosen = Deltas.__new__(Deltas)
        chosen.base = self.base
        chosen.tasks = tuple(tasks)
        chosen.checkpoints = tuple(self.checkpoints[i] for i in indices)
        chosen.joins = tuple(self.joins[i] for i in indices)
        chosen.names = tuple(sorted({name for j in chosen.joins for name in j.shared}))
        chosen._transform = None
        chosen.combined = False
        chosen._resident = {}
        # what is in memory was computed in the wider dtype, if there is one
        chosen._part_of = (self, indices) if chosen.dtype == self.dtype else None
        return chosen

    @property
    def bytes_in_memory(self) -> int:
        """Bytes of dense deltas that are held."""
        held = (self._in_memory(name) or () for name in self.names)
        return sum(each.nbytes for dense in held for each in dense if each is not None)

    def keep_in_memory(self, limit: int) -> bool:
        """Hold all deltas densely if they need at most ``limit`` bytes; returns whether they do.

        For a live model, which needs every delta after every move of a slider.
        """
        held = [self.names] if self.combined else [tuple(j.shared) for j in self.joins]
        sizes = (self.base.weights.entries[name].numel for names in held for name in names)
        if sum(sizes) * self.dtype.itemsize > limit:
            return False
        for name, dense in zip(self.names, in_order(self._dense, self.names), strict=True):
            self._resident[name] = dense
        return True

    def _in_memory(self, name: str) -> tuple[Tensor | None, ...] | None:
        """A tensor's dense deltas, its own or those of the deltas it is a part of."""
        own = self._resident.get(name)
        if own is not None or self._part_of is None:
            return own
        whole, indices = self._part_of
        shared = whole._in_memory(name)
        return None if shared is None else tuple(shared[i] for i in indices)

    def _dense(self, name: str) -> tuple[Tensor | None, ...]:
        tensor, room = self.at(name), Room()
        dense = tuple(
            None if source is None else torch.empty(tensor.numel, dtype=self.dtype)
            for source in tensor.sources
        )
        for start, stop in pieces(tensor.numel):
            for held, values in zip(
                dense, tensor.vectors(start, stop, self.dtype, room), strict=True
            ):
                if held is not None and values is not None:
                    held[start:stop] = values
        return dense

    def _fresh(self, name: str) -> TensorDeltas:
        base = self.base.weights.stored(name)
        sources = tuple(self._source(task, name) for task in range(len(self)))
        tensor = TensorDeltas(name, base.entry.shape, base, sources)
        try:
            return self._transform(tensor) if self._transform else tensor
        except torch.linalg.LinAlgError:  # pyright: ignore  # what LAPACK says of NaN, overflow
            raise not_finite(self, name) from None

    def _source(self, task: int, name: str) -> Source | None:
        stored, checkpoint = self.joins[task].shared.get(name), self.checkpoints[task]
        if stored is None:
            return None
        modules = checkpoint.sorted_names[0] if checkpoint.adapter else {}
        if checkpoint.adapter and stored in modules:
            base = self.base.weights.stored(name)
            return delta_of(modules[stored], checkpoint.adapter, base, checkpoint.tensor)
        return checkpoint.weights.stored(stored)


def pieces(numel: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """The (start, stop) of consecutive pieces of a flat tensor."""
    for start in range(0, max(numel, 1), size):
        yield start, min(start + size, numel)


def refuse_copies(deltas: Deltas) -> None:
    """Refuse the same checkpoint twice.

    Raises:
        NothingToMerge: naming both tasks.
    """
    first: dict[str, str] = {}
    for task, checkpoint in zip(deltas.tasks, deltas.checkpoints, strict=True):
        other = first.setdefault(checkpoint.known_digest, task)
        if other != task:
            raise NothingToMerge(
                f"'{other}' and '{task}' are the same checkpoint (digest "
                f"{checkpoint.known_digest[:12]}…). Leave one out, or pass --allow-duplicates."
            )


def refuse_zero(deltas: Deltas) -> None:
    """Refuse a task whose delta is zero everywhere; reading stops at the first change found.

    Raises:
        NothingToMerge: naming the task.
    """
    for index, task in enumerate(deltas.tasks):
        if not any(_changes(deltas.at(name), index, deltas.dtype) for name in deltas.names):
            raise NothingToMerge(
                f"'{task}' is equal to the base in every shared tensor: its delta is zero. "
                "Leave it out, or pass --allow-duplicates."
            )


def _read(
    source: Stored, start: int, stop: int, dtype: torch.dtype, room: Room, use: str
) -> Tensor:
    """A piece of a stored tensor in ``dtype``, in the room's buffer for that use."""
    stored = room.take(use, stop - start, source.dtype)
    source.read(start, stop, stored)
    if source.dtype == dtype:
        return stored
    return room.take((use, "wide"), stop - start, dtype).copy_(stored)


def _changes(tensor: TensorDeltas, task: int, dtype: torch.dtype) -> bool:
    if tensor.sources[task] is None:
        return False
    cuts = ((start, stop) for start, stop in pieces(tensor.numel))
    return any(bool(tensor.delta(task, *cut, dtype).any()) for cut in cuts)  # type: ignore[union-attr]


def not_finite(deltas: Deltas, name: str) -> NotFinite:
    """The error for a tensor in whose deltas NaN or infinity was met, naming file and count."""
    candidates: list[tuple[Checkpoint, str]] = [(deltas.base, name)]
    for task_join, checkpoint in zip(deltas.joins, deltas.checkpoints, strict=True):
        stored = task_join.shared.get(name)
        module = checkpoint.sorted_names[0].get(stored or "") if checkpoint.adapter else None
        if module:
            candidates += [(checkpoint, each) for each in module.stored]
        elif stored:
            candidates.append((checkpoint, stored))
    for checkpoint, stored in candidates:
        bad = int((~checkpoint.tensor(stored).isfinite()).sum())
        if bad:
            entry = checkpoint.weights.entries[stored]
            return NotFinite(
                f"{entry.file}: {stored} holds {bad:,} values that are NaN or infinite, of "
                f"{entry.numel:,}. The checkpoint is damaged; save or download it again."
            )
    return NotFinite(
        f"{name}: the numbers leave the range of {deltas.dtype}; use smaller coefficients."
    )
