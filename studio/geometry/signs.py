"""Sign conflict: where deltas pull an element in opposite directions, counted in one pass."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.vectors import CHUNK, Vectors, pieces


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


def sign_conflict(tensor: Vectors, dtype: torch.dtype) -> SignConflict:
    """Sign conflict between n deltas of one tensor, in pieces of ``CHUNK`` elements.

    Counts are integers and sums are taken by one thread, piece after piece: the same bits at any
    number of threads.

    Args:
        tensor: whose deltas are finite; a task that leaves it alone counts as zero.
        dtype: to form the deltas in.

    Source: Yadav et al. 2023, TIES-merging (arXiv 2306.01708), Sec. 3.
    """
    n = len(tensor.present)
    opposite, both = np.zeros((2, n, n), dtype=np.int64)
    opposite_size, both_size = np.zeros((2, n, n))
    torn = shared = 0
    for start, stop in pieces(tensor.base.numel(), CHUNK):
        found = (tensor.delta(task, start, stop, dtype) for task in range(n))
        deltas = {task: delta.numpy() for task, delta in enumerate(found) if delta is not None}
        up, down = np.zeros((2, stop - start), dtype=np.int64)
        for i, first in deltas.items():
            up += first > 0
            down += first < 0
            for j, second in deltas.items():
                if j <= i:
                    smaller = np.minimum(np.abs(first), np.abs(second))
                    against = (first > 0) & (second < 0) | (first < 0) & (second > 0)
                    opposite[i, j] += np.count_nonzero(against)
                    both[i, j] += np.count_nonzero(smaller)
                    opposite_size[i, j] += smaller[against].sum(dtype=np.float64)
                    both_size[i, j] += smaller.sum(dtype=np.float64)
        torn += int(np.count_nonzero((up > 0) & (down > 0)))
        shared += int(np.count_nonzero(up + down > 1))
    return SignConflict(
        _mirrored(opposite), _mirrored(both), _mirrored(opposite_size), _mirrored(both_size),
        torn, shared,
    )  # fmt: skip


def _mirrored(lower: np.ndarray) -> Tensor:
    return torch.from_numpy(lower + np.tril(lower, -1).T)
