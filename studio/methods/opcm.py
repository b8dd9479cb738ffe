"""OPCM: tasks that arrive one by one, each projected off the sum of those before it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import CHUNK, Deltas, Room, pieces
from studio.device import resident_limit
from studio.geometry.gram import Gram
from studio.geometry.projection import Projection
from studio.methods.method import Given, option
from studio.methods.whole import Entries, Whole
from studio.parallel import SMALL, in_order


@dataclass(frozen=True)
class Opcm(Whole):
    """base + scale S / lambda, with S = S + P(c_i delta_i; S) for one task after the other.

    P takes out of a matrix's delta what lies along the singular directions of S: every term
    u_i v_i^T, so that nothing is left along S, and all terms among the first r directions, which
    hold a share alpha of the sum of singular values. Vectors and embedding tables are added.
    lambda makes the length of the change the mean length of the deltas that arrived, over the
    whole model; of one task it is 1. A task whose coefficients are all 0 never arrived.

    Every tensor counts once, by its name: convolutions as (out, rest), tied weights as stored.
    S is kept in the compute dtype. lambda needs S of all tensors, so they are held in memory
    where that is allowed; else they are computed twice. Sums of rounded products make the result
    the same bits on one machine only; the distance between machines is that of float32 sums.

    The state of a sequence (``sequence init``, ``sequence add``) gives the same weights from
    O(one model). It cannot be undone: exact unmerging needs the checkpoints of the kept tasks.

    Source: Tang et al. 2025, Merging models on the fly without retraining (arXiv 2501.09522);
    block 'code' as its public implementation in FusionBench.
    """

    name: ClassVar[str] = "opcm"
    title: ClassVar[str] = "OPCM"
    default_coefficient: ClassVar[float] = 1.0

    alpha: float = option(
        0.5, "Share of the singular values' sum whose directions are protected.", low=0.0, high=1.0
    )
    block: str = option(
        "code",
        "Clear the dominant block only (code), or keep the other block only (paper).",
        choices=("code", "paper"),
    )
    zero_diagonal: bool = option(
        True, "Take out the part along every singular direction; the paper's own runs did not."
    )
    mend: bool = option(
        True, "Leave directions of singular value 0 alone, and take alpha 1 as a limit."
    )

    @property
    def ordered(self) -> bool:
        """The order of arrival counts."""
        return True

    @property
    def projection(self) -> Projection:
        """What is taken out of every delta but the first."""
        return Projection(self.alpha, self.block, self.zero_diagonal, self.mend)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """S of one tensor."""
        total = None
        for task in arrived(given):
            total = self.arrive(total, entries.delta(task), entries)
        assert total is not None, "some coefficient is not 0"
        return total

    def arrive(self, total: Tensor | None, delta: Tensor | None, tensor: Entries) -> Tensor:
        """S of one tensor with one task more; both arguments are overwritten.

        Args:
            total: ``(out, in)`` S before; None if no task has arrived yet.
            delta: ``(out, in)`` of the task; None if it leaves this tensor alone.
            tensor: whose S it is.
        """
        if delta is None:
            return torch.zeros(tensor.shape, dtype=tensor.dtype) if total is None else total
        if total is None:
            return delta
        return total.add_(self.projection.clear(delta, total) if tensor.is_matrix else delta)

    def factor(self, given: Given, change: Deltas) -> float:
        """The scale divided by lambda."""
        tasks = arrived(given)
        if len(tasks) < 2:
            return self.scale
        if not change.bytes_in_memory:
            change.keep_in_memory(resident_limit())
        lengths = norms(given.gram(), given.coefficients)

        def square(name: str) -> float:
            tensor = change.at(name)
            return squared_norm(tensor.numel, lambda a, b: tensor.delta(0, a, b, change.dtype))

        squares = in_order(square, change.names, SMALL)
        return self.scale * rescaling([lengths[task] for task in tasks], squares)


def arrived(given: Given) -> list[int]:
    """The tasks with some coefficient that is not 0, in order of arrival."""
    return [i for i, used in enumerate(given.coefficients.any(0).tolist()) if used]


def norms(gram: Gram, coefficients: Tensor) -> list[float]:
    """Norms of the n weighted deltas over the whole model.

    Args:
        gram: of the raw deltas.
        coefficients: ``(T, n)`` float64.
    """
    squares = gram.blocks.diagonal(dim1=-2, dim2=-1) * coefficients.square()  # (T, n)
    return [math.sqrt(math.fsum(column)) for column in squares.T.tolist()]


def rescaling(norms: Sequence[float], squares: Iterable[float]) -> float:
    """1 / lambda: what gives the sum the mean length of the deltas that arrived.

    Args:
        norms: of those deltas, over the whole model.
        squares: squared norms of the sum, tensor by tensor; in any order.

    Source: OPCM (arXiv 2501.09522), the adaptive scaling.
    """
    if len(norms) < 2:
        return 1.0
    length = math.sqrt(math.fsum(squares))
    return math.fsum(norms) / len(norms) / length if length else 1.0


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
