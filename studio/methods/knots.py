"""KnOTS and Core Space: TIES in coordinates that the tasks have in common."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.vectors import Dense, Room
from studio.methods.contract import Given, option
from studio.methods.kit.core_space import CoreSpace
from studio.methods.ties import Shares
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class Knots(Whole):
    """base + scale U TIES(X_1, ..., X_n) V^T per matrix, with c_i delta_i = U X_i V^T.

    ``columns`` (KnOTS): U are the left singular vectors of all weighted deltas side by side and V
    is left out, so X_i are the blocks of s V^T. ``core`` (Core Space): U and V are the singular
    vectors of the tasks' stacked factors, so X_i are n rank by n rank; of dense deltas, of all
    deltas side by side and on top of one another. TIES keeps the ``density`` largest entries of
    every X_i, elects signs by the sum and takes the mean of what agrees, matrix by matrix.
    Nothing of a low-rank delta is made dense but the blocks of s V^T. A sum or mean in such
    coordinates would be that of the deltas, to the digit; only what is not linear gains by them.
    Other tensors take the mean.

    Source: Stoica et al. 2024, Model merging with SVD to tie the KnOTS (arXiv 2410.19735);
    Panariello et al. 2025, Core Space (NeurIPS 2025) and its code, which trims by matrix.
    """

    name: ClassVar[str] = "knots"
    title: ClassVar[str] = "KnOTS"
    plainly: ClassVar[str] = (
        "Turns all changes into directions that they share, and lets the tasks vote there as TIES "
        "does on single numbers."
    )
    main: ClassVar[str] = "density"
    default_coefficient: ClassVar[float] = 1.0

    density: float = option(
        0.2,
        "How much of each task's change is kept in these directions; the smallest goes first.",
        label="share kept",
        exactly="Share of the entries of every X_i that is kept.",
        low=0.0,
        high=1.0,
    )
    space: str = option(
        "columns",
        "Directions are shared at the outputs of a matrix, or at both of its sides.",
        label="shared directions",
        exactly="U alone (KnOTS), or U and V (Core Space).",
        choices=("columns", "core"),
    )

    def change(self, entries: Entries, given: Given) -> Tensor:
        """TIES in shared coordinates; the mean for vectors and embedding tables."""
        if not entries.is_matrix or not entries.present:
            return entries.mean()
        made = CoreSpace.core(entries) if self.space == "core" else CoreSpace.aligned(entries)
        held = [made.coordinates(task) for task in entries.present]
        return made.dense(self._elected(entries, held))

    def _elected(self, entries: Entries, held: list[Tensor]) -> Tensor:
        """TIES of several matrices of one shape."""
        flat = tuple(each.reshape(-1) for each in held)
        raw = Dense(entries.name, tuple(held[0].shape), entries.tensor.base, flat)
        size, dtype, room = len(flat[0]), held[0].dtype, Room()
        thresholds = tuple(self._threshold(each) for each in flat)

        def majority() -> int:
            voting = Shares(raw, thresholds, "mean", None, int)
            return int(voting.votes(0, size, dtype, room).sign().sum())

        total = torch.zeros(size, dtype=dtype)
        for share in Shares(raw, thresholds, "mean", None, majority).vectors(0, size, dtype, room):
            if share is not None:
                total.add_(share)
        return total.view(held[0].shape)

    def _threshold(self, values: Tensor) -> float:
        """The least magnitude that is kept."""
        dropped = len(values) - int(self.density * len(values))
        return float(values.abs().kthvalue(dropped).values) if dropped else 0.0
