"""Sparse deltas: each task keeps some entries of its own delta, and one factor is put on them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from studio.checkpoints.deltas import CHUNK, Deltas, Room, TensorDeltas, pieces

Keep = Callable[[int, int, int, Tensor], Tensor]
"""From a task's index, start, stop and these elements of its delta, a boolean for each of them.

Every element is judged alone, so that no cut changes what is kept.
"""


class Sparse(TensorDeltas):
    """The deltas of one tensor with the entries that ``keep`` lets stand, times ``factors``."""

    def __init__(self, tensor: TensorDeltas, keep: Keep, factors: Sequence[float]) -> None:
        super().__init__(tensor.name, tensor.shape, tensor.base, tensor.sources)
        object.__setattr__(self, "_rule", (keep, tuple(factors)))

    @property
    def factors(self) -> tuple[None, ...]:
        """None: a product of matrices cannot leave single entries out."""
        return (None,) * len(self.sources)

    def vectors(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> Iterator[Tensor | None]:
        """See ``TensorDeltas.vectors``."""
        kept = room.take("kept", stop - start, dtype)
        for task, delta in enumerate(super().vectors(start, stop, dtype, room)):
            yield None if delta is None else self._select(task, start, stop, delta, kept)

    def delta(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor | None:
        """See ``TensorDeltas.delta``."""
        delta = super().delta(task, start, stop, dtype)
        if delta is None:
            return None
        return self._select(task, start, stop, delta, torch.empty_like(delta))

    def _select(self, task: int, start: int, stop: int, delta: Tensor, into: Tensor) -> Tensor:
        keep, factors = self._rule  # type: ignore[attr-defined]
        return torch.mul(delta, keep(task, start, stop, delta), out=into).mul_(factors[task])


def in_chunks(deltas: Deltas, name: str, task: int) -> Iterator[tuple[int, int, Tensor]]:
    """(start, stop, elements) of one task's delta in one tensor, in the deltas' dtype.

    The pieces are always the same, so that sums over them are; a task without the tensor has none.
    """
    tensor = deltas.at(name)
    for start, stop in pieces(tensor.numel, CHUNK):
        values = tensor.delta(task, start, stop, deltas.dtype)
        if values is not None:
            yield start, stop, values
