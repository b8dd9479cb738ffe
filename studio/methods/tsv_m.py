"""TSV-M: the tasks' leading singular vectors, made orthogonal to one another."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from studio.methods.contract import Given
from studio.methods.kit.singular_bases import SingularBases
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class TsvM(Whole):
    """base + scale P(U) s P(V)^T per matrix, of the leading singular triplets of every c_i delta_i.

    Each of n tasks keeps floor(min(out, in) / n) triplets, at least one; P(X) has the orthonormal
    columns nearest to all tasks' vectors side by side. One task keeps its whole delta. Other
    tensors take the mean.

    Source: Gargiulo et al. 2024, Task singular vectors (arXiv 2412.00081), TSV-Merge.
    """

    name: ClassVar[str] = "tsv_m"
    title: ClassVar[str] = "TSV-M"
    plainly: ClassVar[str] = (
        "Keeps the strongest directions of each task and turns them so that they do not overlap."
    )
    default_coefficient: ClassVar[float] = 1.0

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The orthogonalized triplets; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        bases = SingularBases(entries)
        for task in range(len(entries)):
            bases.add_delta(task, max(min(entries.shape) // len(entries), 1))
        return bases.merged()
