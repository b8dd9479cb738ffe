"""Deltas held in memory: of a live model, say, which needs all of them at every move."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.vectors import Dense, DerivedVectors, Room, Vectors, pieces
from studio.parallel import in_order

Values = tuple[Tensor | None, ...]


@dataclass(frozen=True)
class Resident(DerivedVectors):
    """Vectors held in memory in the dtype they were computed in; in another, they are made anew.

    Attributes:
        dtype: in which they are held.
        fresh: the same vectors, not held.
    """

    raw: Dense
    dtype: torch.dtype
    fresh: Callable[[], Vectors]

    @property
    def compact(self) -> tuple[Rows | None, ...]:
        """See ``Vectors``."""
        return self.fresh().compact

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        source = self.raw if dtype == self.dtype else self.fresh()
        return source.vectors(start, stop, dtype, room, tasks)


class Residents:
    """What of some deltas is held in memory, by tensor; a part shares what its whole holds."""

    def __init__(self, whole: "Residents | None" = None, places: Sequence[int] = ()) -> None:
        self._held: dict[str, Values] = {}
        self._whole = whole
        self._places = places

    def hold(self, name: str, values: Values) -> None:
        """Hold the dense vectors of a tensor."""
        self._held[name] = values

    def of(self, name: str) -> Values | None:
        """The dense vectors of a tensor, if they are held: own ones, or those of the whole."""
        own = self._held.get(name)
        if own is not None or self._whole is None:
            return own
        shared = self._whole.of(name)
        return None if shared is None else tuple(shared[place] for place in self._places)

    def at(
        self, name: str, base: Checkpoint, dtype: torch.dtype, make: Callable[[str], Vectors]
    ) -> Vectors:
        """The vectors of a tensor, computed in ``dtype``: from memory, or else made."""
        values = self.of(name)
        if values is None:
            return make(name)
        stored = base.weights.stored(name)
        dense = Dense(name, stored.entry.shape, stored, values)
        return Resident(dense, dtype, cache(partial(make, name)))

    def part(self, places: Sequence[int]) -> "Residents":
        """That of the deltas of some of the tasks, by their places; it sees what comes later."""
        return Residents(self, places)


class Holder(Protocol):
    """Deltas, raw or derived, of which some may be held."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tensors."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """In which vectors are computed and held."""
        ...

    @property
    def numel(self) -> int:
        """Elements of all vectors."""
        ...

    @property
    def residents(self) -> Residents:
        """What is held of them."""
        ...

    def at(self, name: str) -> Vectors:
        """The vectors of one tensor."""
        ...


def keep_in_memory(deltas: Holder, limit: int) -> bool:
    """Hold all vectors densely if they need at most ``limit`` bytes; returns whether they do."""
    if deltas.numel * deltas.dtype.itemsize > limit:
        return False
    made = in_order(lambda name: _dense(deltas.at(name), deltas.dtype), deltas.names)
    for name, values in zip(deltas.names, made, strict=True):
        deltas.residents.hold(name, values)
    return True


def bytes_in_memory(deltas: Holder) -> int:
    """Bytes of dense vectors that are held."""
    held = (deltas.residents.of(name) or () for name in deltas.names)
    return sum(each.nbytes for values in held for each in values if each is not None)


def _dense(tensor: Vectors, dtype: torch.dtype) -> Values:
    room = Room()
    made = tuple(
        torch.empty(tensor.numel, dtype=dtype) if present else None for present in tensor.present
    )
    for start, stop in pieces(tensor.numel):
        for whole, values in zip(made, tensor.vectors(start, stop, dtype, room), strict=True):
            if whole is not None and values is not None:
                whole[start:stop] = values
    return made
