"""A running sum of what arrived, and the norms of which its length is made."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from studio.checkpoints.vectors import CHUNK, Room, Vectors, pieces
from studio.geometry.gram import Gram


class RunningSum(Protocol):
    """A method that needs one sum per tensor, and a norm per task, to take in the next task."""

    name: ClassVar[str]

    def take_in(self, total: Tensor | None, newcomer: Vectors, dtype: torch.dtype) -> Tensor:
        """The sum of one tensor, ``(out, in)``, with one task more.

        Args:
            total: the sum before, which is overwritten; None if no task has arrived yet.
            newcomer: the tensor's delta of that task alone.
            dtype: of the sum.
        """
        ...

    def multiplier(self, norms: Sequence[float], squares: Iterable[float]) -> float:
        """What the sum is multiplied by before it is added to the base.

        Args:
            norms: of the deltas that arrived, over the whole model.
            squares: squared norms of the sum, tensor by tensor; in any order.
        """
        ...

    def growth(self, factor: float) -> float | None:
        """What the sum was divided by, told by ``multiplier``; None where all became 0."""
        ...


def norms(gram: Gram, coefficients: Tensor) -> list[float]:
    """Norms of the n weighted deltas over the whole model.

    Args:
        gram: of the raw deltas.
        coefficients: ``(T, n)`` float64.
    """
    squares = gram.blocks.diagonal(dim1=-2, dim2=-1) * coefficients.square()  # (T, n)
    return [math.sqrt(math.fsum(column)) for column in squares.T.tolist()]


def squared_norm(numel: int, values: Callable[[int, int], Tensor | None]) -> float:
    """Squared norm of one vector, in float64 and in fixed pieces.

    Args:
        numel: elements of the vector.
        values: gives its elements from a start to a stop.
    """
    total, room = 0.0, Room()
    for start, stop in pieces(numel, CHUNK):
        piece = values(start, stop)
        if piece is not None:
            wide = room.take("double", stop - start, torch.float64).copy_(piece)
            total += float(torch.dot(wide, wide))
    return total
