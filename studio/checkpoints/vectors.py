"""The vectors of one tensor, one per task: the contract of deltas and of what is made of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.low_rank import Factors, Rows
from studio.checkpoints.stored import Stored

CHUNK = 2**16
"""Elements per piece of the streaming loops; fixed, so that sums have one order everywhere."""


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

    def read(self, use: str, source: Stored, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Elements ``start:stop`` of a stored tensor in ``dtype``, in the buffer of that use."""
        source.refuse_large(stop - start)
        stored = self.take(use, stop - start, source.dtype)
        source.read(start, stop, stored)
        if source.dtype == dtype:
            return stored
        return self.take((use, "wide"), stop - start, dtype).copy_(stored)


class Vectors(ABC):
    """One vector per task in the space of one tensor, read piece by piece.

    Attributes:
        name: of the tensor in the base.
        shape: of the tensor.
        base: the base's elements, as stored.
        present: per task, whether it has a vector; without one it leaves this tensor alone.
    """

    name: str
    shape: tuple[int, ...]
    base: Stored
    present: tuple[bool, ...]

    @abstractmethod
    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """Elements ``start:stop`` of the tasks' vectors, task by task, None where there is none.

        Every element is computed alone, so that the cut does not change a bit. A tensor that is
        yielded must not be changed, and is valid until the next is asked for.

        Args:
            start: of the piece.
            stop: of the piece.
            dtype: to compute in.
            room: holds what is needed from piece to piece.
            tasks: whose are asked for, ascending; None for all.
        """

    @property
    def compact(self) -> tuple[Rows | None, ...]:
        """Per task what its vector is made dense from, or None if it is dense by nature."""
        return (None,) * len(self.present)

    @property
    def factors(self) -> tuple[Factors | None, ...]:
        """Per task the low-rank factors of its vector, or None if it has none."""
        return tuple(each if isinstance(each, Factors) else None for each in self.compact)

    @property
    def numel(self) -> int:
        """Elements of the tensor."""
        return self.base.numel()

    def base_piece(self, start: int, stop: int, dtype: torch.dtype, room: Room) -> Tensor:
        """Elements ``start:stop`` of the base; valid until the next piece is taken."""
        return room.read("base", self.base, start, stop, dtype)

    def delta(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor | None:
        """Elements ``start:stop``, or up to the last, of one task's vector; not to be changed."""
        return next(self.vectors(start, min(stop, self.numel), dtype, Room(), (task,)))

    def chosen(self, tasks: Sequence[int] | None) -> Sequence[int]:
        """The tasks asked for: these, or all."""
        return range(len(self.present)) if tasks is None else tasks


@dataclass(frozen=True)
class Dense(Vectors):
    """Vectors that lie in memory.

    Attributes:
        values: per task a flat tensor, whole, or None.
    """

    name: str
    shape: tuple[int, ...]
    base: Stored
    values: tuple[Tensor | None, ...]

    @property
    def present(self) -> tuple[bool, ...]:
        """See ``Vectors``."""
        return tuple(each is not None for each in self.values)

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``; in the dtype they have, they are not copied."""
        for task in self.chosen(tasks):
            values = self.values[task]
            yield None if values is None else values[start:stop].to(dtype)


@dataclass(frozen=True)
class DerivedVectors(Vectors):
    """Vectors made of others of the same tensor, task by task, and dense.

    Attributes:
        raw: what they are made of.
    """

    raw: Vectors

    @property
    def name(self) -> str:
        """See ``Vectors``."""
        return self.raw.name

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Vectors``."""
        return self.raw.shape

    @property
    def base(self) -> Stored:
        """See ``Vectors``."""
        return self.raw.base

    @property
    def present(self) -> tuple[bool, ...]:
        """See ``Vectors``."""
        return self.raw.present


def add_weighted(
    total: Tensor, tensor: Vectors, weights: list[float], start: int, room: Room
) -> None:
    """Add weighted vectors to the elements from ``start`` on, task by task."""
    stop, dtype = start + len(total), total.dtype
    product = room.take("product", len(total), dtype)
    for weight, vector in zip(weights, tensor.vectors(start, stop, dtype, room), strict=True):
        if vector is not None:
            total.add_(torch.mul(vector, weight, out=product))


def pieces(numel: int, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """The (start, stop) of consecutive pieces of a flat tensor."""
    for start in range(0, max(numel, 1), size):
        yield start, min(start + size, numel)
