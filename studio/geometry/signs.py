"""Sign conflict: where deltas pull an element in opposite directions, counted in one pass."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.deltas import CHUNK, TensorDeltas, pieces


@dataclass(frozen=True)
class SignConflict:
    """Counts over the elements of one tensor, or of several added up.

    Attributes:
        opposite: ``(n, n)`` int64, elements that two deltas change in opposite directions.
        both: ``(n, n)`` int64, elements that both change.
        opposite_size: ``(n, n)`` float64, the same elements weighed by ``min(|a|, |b|)``.
        both_size: ``(n, n)`` float64, likewise.
        torn: elements that some delta raises and another lowers.
        shared: elements that at least two deltas change.
    """

    opposite: Tensor
    both: Tensor
    opposite_size: Tensor
    both_size: Tensor
    torn: int
    shared: int

    def __add__(self, other: "SignConflict") -> "SignConflict":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return SignConflict(*(one + two for one, two in pairs))

    def share(self) -> Tensor:
        """``(n, n)`` opposite signs among the elements that both change; NaN where none is."""
        return self.opposite.double() / self.both

    def share_of_size(self) -> Tensor:
        """The same with each element weighed by the smaller of the two magnitudes."""
        return self.opposite_size / self.both_size

    def share_of_all(self) -> float:
        """Torn elements among those that at least two deltas change; NaN if there are none."""
        return self.torn / self.shared if self.shared else float("nan")


def sign_conflict(tensor: TensorDeltas, dtype: torch.dtype) -> SignConflict:
    """Sign conflict between n deltas of one tensor, in pieces of ``CHUNK`` elements.

    Counts are integers and sums are added by one thread in index order: the same bits at any
    number of threads.

    Args:
        tensor: whose deltas are finite; a task that leaves it alone counts as zero.
        dtype: to form the deltas in.

    Source: Yadav et al. 2023, TIES-merging (arXiv 2306.01708), Sec. 3.
    """
    n = len(tensor.sources)
    net, both = torch.zeros(2, n, n, dtype=torch.int64)
    opposite_size, both_size = np.zeros((n, n)), np.zeros((n, n))
    torn = shared = 0
    for start, stop in pieces(tensor.base.numel(), CHUNK):
        deltas = [tensor.delta(task, start, stop, dtype) for task in range(n)]
        signs = torch.zeros(n, stop - start)
        for sign, delta in zip(signs, deltas, strict=True):
            if delta is not None:
                sign.copy_(delta.sign())
        net += (signs @ signs.T).long()  # whole numbers up to CHUNK: exact in float32
        both += (signs.abs() @ signs.abs().T).long()
        torn += int((signs.amax(0) * signs.amin(0) < 0).sum())
        shared += int((signs.abs().sum(0) > 1).sum())
        _add_sizes(deltas, signs, opposite_size, both_size)
    return SignConflict(
        (both - net) // 2, both, torch.from_numpy(opposite_size), torch.from_numpy(both_size),
        torn, shared,
    )  # fmt: skip


def _add_sizes(
    deltas: list[Tensor | None], signs: Tensor, opposite_size: np.ndarray, both_size: np.ndarray
) -> None:
    sizes = [None if delta is None else delta.abs().numpy() for delta in deltas]
    for i, first in enumerate(sizes):
        for j, second in enumerate(sizes[: i + 1]):
            if first is None or second is None:
                continue
            smaller = np.minimum(first, second)
            against = signs[i].numpy() * signs[j].numpy() < 0
            both_size[i, j] = both_size[j, i] = both_size[i, j] + smaller.sum(dtype=np.float64)
            opposing = smaller[against].sum(dtype=np.float64)
            opposite_size[i, j] = opposite_size[j, i] = opposite_size[i, j] + opposing
