"""OPCM's projection: a delta without what the sum of the earlier ones holds."""

from dataclasses import dataclass

import torch
from torch import Tensor

_COLUMNS = 4096  # of a block that is upcast at a time


@dataclass(frozen=True)
class Projection:
    """What is taken out of a delta, in the singular bases u, v of the sum before it.

    Written as ``P = u^T delta v``, in which r is the first index (from 0) at which the cumulated
    singular values exceed a share alpha of their sum.

    Attributes:
        alpha: in [0, 1]; 0 gives r = 0, 1 is the limit from below (all directions but the last).
        block: 'code' clears ``P[:r, :r]``; 'paper' keeps nothing but ``P[r:, r:]``.
        zero_diagonal: whether every ``P[i, i]`` is cleared.
        mend: whether directions whose singular value is 0 within rounding are left alone, for
            they are arbitrary, and alpha 1 is a limit. Without it both are as in the reference:
            arbitrary directions are cleared too, and alpha 1 behaves like 0.

    Source: OPCM (arXiv 2501.09522), the projection of its algorithm; 'code' as in FusionBench.
    """

    alpha: float
    block: str
    zero_diagonal: bool
    mend: bool

    def clear(self, delta: Tensor, total: Tensor) -> Tensor:
        """What is left of ``delta``, which is overwritten.

        Float32 tensors are met in the eigenvectors of the smaller side's float64 Gram matrix:
        nearer to a float64 SVD than a float32 one is, and faster than full bases where a matrix
        is wide or tall; a square one takes about as long.

        Args:
            delta: ``(out, in)``.
            total: ``(out, in)``, of the same dtype; the sum of what came before.
        """
        if self.mend and delta.dtype == torch.float32:
            return self._by_gram(delta, total)
        return self._by_svd(delta, total)

    def _by_svd(self, delta: Tensor, total: Tensor) -> Tensor:
        u, s, vh = torch.linalg.svd(total, full_matrices=False)
        r, used = self._split(s, total)
        rows = u.T @ delta  # (k, in)
        diagonal = self._diagonal((rows * vh).sum(1), r, used)
        block = rows[:r] @ vh[:r].T
        left, right = u[:, :r], vh[:r]
        if self.block == "paper":
            across = delta @ right.T - left @ block
            delta = delta.sub_(left @ rows[:r]).sub_(across @ right)
        else:
            if self.zero_diagonal:
                block.diagonal().zero_()
            delta = delta.sub_(left @ block @ right)
        return delta.sub_((u * diagonal) @ vh)

    def _by_gram(self, delta: Tensor, total: Tensor) -> Tensor:
        """The same with ``v = total^T u / s``: all bases are of the smaller side."""
        rows, sums = (delta, total) if len(total) <= total.shape[1] else (delta.T, total.T)
        squares, u = _eigen(sums)
        r, used = self._split(squares.sqrt(), total)
        if not bool(used.any()):
            return delta
        squares = squares.where(used, 1.0).float()
        inner = rows @ sums.T  # delta total^T, so that P = u^T inner u / s
        turned = inner @ u
        diagonal = self._diagonal((u * turned).sum(0), r, used)
        left = u[:, :r]
        block = left.T @ turned[:, :r]
        if self.block == "paper":
            across = (turned[:, :r] - left @ block) / squares[:r]
            beside = left @ (left.T @ rows)
        else:
            if self.zero_diagonal:
                block.diagonal().zero_()
            across, beside = (left @ block) / squares[:r], None
        taken = ((u * (diagonal / squares)) @ u.T).addmm_(across, left.T)
        rows.addmm_(taken, sums, alpha=-1)
        if beside is not None:
            rows.sub_(beside)
        return delta

    def _split(self, s: Tensor, total: Tensor) -> tuple[int, Tensor]:
        """r, and which of the falling singular values ``(k,)`` count as directions."""
        shares = s.cumsum(0) / s.sum()
        above = shares > self.alpha
        r = int(above.to(torch.uint8).argmax())
        if not self.mend:
            return r, torch.ones_like(above)
        used = s > s[:1] * max(total.shape) * torch.finfo(total.dtype).eps
        last = max(int(used.sum()) - 1, 0)
        return (min(r, last) if bool(above.any()) else last), used

    def _diagonal(self, values: Tensor, r: int, used: Tensor) -> Tensor:
        """Those of the ``P[i, i]`` that are cleared on their own."""
        if not self.zero_diagonal:
            return torch.zeros_like(values)
        values = values.where(used, 0.0)
        if self.block == "paper":
            values[:r] = 0.0  # they lie in what is cleared as a whole
        return values


def _eigen(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Squared singular values, falling, in float64, and left singular vectors in float32."""
    gram = torch.zeros(len(sums), len(sums), dtype=torch.float64)
    for columns in sums.split(_COLUMNS, 1):
        wide = columns.double()
        gram.addmm_(wide, wide.T)
    squares, u = torch.linalg.eigh(gram)
    return squares.flip(0).clamp(min=0.0), u.flip(1).float()
