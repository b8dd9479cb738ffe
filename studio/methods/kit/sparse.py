"""Sparse deltas: each task keeps some entries of its own delta, and one factor is put on them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas
from studio.checkpoints.vectors import CHUNK, DerivedVectors, Room, pieces

Keep = Callable[[int, int, int, Tensor], Tensor]
"""From a task's index, start, stop and these elements of its delta, a factor for each of them.

Factors are booleans where what is kept stays as it is, else numbers in the delta's dtype.

Every element is judged alone, so that no cut changes what is kept.
"""


@dataclass(frozen=True)
class Sparse(DerivedVectors):
    """The deltas of one tensor with the entries that ``keep`` lets stand, times ``scales``.

    Attributes:
        keep: which entries of a task's delta stand.
        scales: one per task.
    """

    keep: Keep
    scales: tuple[float, ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        kept = room.take("kept", stop - start, dtype)
        chosen = self.chosen(tasks)
        found = self.raw.vectors(start, stop, dtype, room, chosen)
        for task, delta in zip(chosen, found, strict=True):
            if delta is None:
                yield None
            else:
                stand = self.keep(task, start, stop, delta)
                yield torch.mul(delta, stand, out=kept).mul_(self.scales[task])


def in_chunks(deltas: AnyDeltas, name: str, task: int) -> Iterator[tuple[int, int, Tensor]]:
    """(start, stop, elements) of one task's delta in one tensor, in the deltas' dtype.

    The pieces are always the same, so that sums over them are; a task without the tensor has none.
    """
    tensor = deltas.at(name)
    for start, stop in pieces(tensor.numel, CHUNK):
        values = tensor.delta(task, start, stop, deltas.dtype)
        if values is not None:
            yield start, stop, values
