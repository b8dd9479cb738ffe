"""OPCM: tasks that arrive one by one, each projected off the sum of those before it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas
from studio.checkpoints.resident import bytes_in_memory, keep_in_memory
from studio.checkpoints.vectors import Vectors
from studio.device import resident_limit
from studio.methods.contract import Given, option
from studio.methods.kit.running_sum import norms, squared_norm
from studio.methods.whole import Entries, Whole
from studio.parallel import SMALL, in_order

_COLUMNS = 4096  # of a block that is upcast at a time


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
    plainly: ClassVar[str] = (
        "Takes out of each newcomer what lies along the tasks before it, and keeps the sum "
        "at a steady size."
    )
    main: ClassVar[str] = "alpha"
    default_coefficient: ClassVar[float] = 1.0
    keeps_sum: ClassVar[bool] = True

    alpha: float = option(
        0.5,
        "How much of what is already there is protected from the newcomer.",
        label="share protected",
        exactly="Share of the singular values' sum whose directions are protected.",
        low=0.0,
        high=1.0,
    )
    block: str = option(
        "code",
        "The newcomer is cleared of the strongest directions only, or keeps nothing but the rest.",
        label="what is cleared",
        exactly="Clear the dominant block only (code), or keep the other block only (paper).",
        choices=("code", "paper"),
    )
    zero_diagonal: bool = option(
        True,
        "Whether the newcomer also loses what lies exactly along each direction that is there.",
        label="clear every direction",
        exactly="Take out the part along every singular direction; the paper's own runs did not.",
    )
    mend: bool = option(
        True,
        "Whether directions that nobody uses yet are left alone.",
        label="spare empty directions",
        exactly="Leave directions of singular value 0 alone, and take alpha 1 as a limit.",
    )

    @property
    def ordered(self) -> bool:
        """The order of arrival counts."""
        return True

    @property
    def carried(self) -> str:
        """See ``RunningSum``."""
        return "one state: the running sum and a norm per task"

    @property
    def projection(self) -> "Projection":
        """What is taken out of every delta but the first."""
        return Projection(self.alpha, self.block, self.zero_diagonal, self.mend)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """S of one tensor."""
        total = None
        for task in arrived(given):
            total = self.arrive(total, entries.delta(task), entries)
        assert total is not None, "some coefficient is not 0"
        return total

    def take_in(self, total: Tensor | None, newcomer: Vectors, dtype: torch.dtype) -> Tensor:
        """See ``RunningSum.take_in``."""
        entries = Entries(newcomer, [1.0], dtype)
        before = None if total is None else total.view(entries.shape)
        return self.arrive(before, entries.delta(0), entries)

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

    def factor(self, given: Given, change: AnyDeltas) -> float:
        """The scale divided by lambda."""
        tasks = arrived(given)
        if len(tasks) < 2:
            return self.scale
        if not bytes_in_memory(change):
            keep_in_memory(change, resident_limit())
        lengths = norms(given.gram(), given.coefficients)

        def square(name: str) -> float:
            tensor = change.at(name)
            return squared_norm(tensor.numel, lambda a, b: tensor.delta(0, a, b, change.dtype))

        squares = in_order(square, change.names, SMALL)
        return self.multiplier([lengths[task] for task in tasks], squares)

    def multiplier(self, norms: Sequence[float], squares: Iterable[float]) -> float:
        """The scale divided by lambda, which gives the sum the mean length of the deltas.

        Args:
            norms: of the deltas that arrived, over the whole model.
            squares: squared norms of the sum, tensor by tensor; in any order.

        Source: OPCM (arXiv 2501.09522), the adaptive scaling.
        """
        if len(norms) < 2:
            return self.scale
        length = math.sqrt(math.fsum(squares))
        return self.scale * (math.fsum(norms) / len(norms) / length if length else 1.0)


def arrived(given: Given) -> list[int]:
    """The tasks with some coefficient that is not 0, in order of arrival."""
    return [i for i, used in enumerate(given.coefficients.any(0).tolist()) if used]


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
