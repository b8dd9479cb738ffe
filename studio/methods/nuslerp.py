"""NuSLERP: between two deltas along an arc, on the base that both share."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas
from studio.geometry.gram import cosine
from studio.methods.contract import Given
from studio.methods.kit.pair import PARALLEL, Pair, arc
from studio.methods.whole import Entries


@dataclass(frozen=True)
class NuSlerp(Pair):
    """base + delta_1 sin((1 - t) a) / sin(a) + delta_2 sin(t a) / sin(a), a the deltas' angle.

    t = c_2 / (c_1 + c_2): of the coefficients only the ratio counts. The angle is that of the
    flattened deltas in every tensor, whose lengths are left as they are. The straight line is taken
    where they are parallel within rounding, where a task leaves the tensor alone, and below
    cos = -0.9995, where mergekit's arc would be mostly rounding errors made large. It merges two
    tasks; one alone is its own model.

    Source: mergekit (nuslerp), flattened and with a base; Shoemake 1985, Slerp.
    """

    name: ClassVar[str] = "nuslerp"
    title: ClassVar[str] = "NuSLERP"
    plainly: ClassVar[str] = (
        "Walks from one task's change to the other's along an arc, and adds it to the base."
    )
    default_coefficient: ClassVar[float] = 1.0

    def vectors(self, given: Given) -> DerivedDeltas:
        """The merged change; the inner products are taken before several threads ask for them."""
        made = super().vectors(given)
        _ = given.gram()
        return made

    def between(self, raw: Entries, t: float, given: Given) -> Tensor:
        """From delta_1 to delta_2."""
        block = given.gram().blocks[given.deltas.names.index(raw.name)]
        both = bool((block.diagonal() > 0).all())
        factors = arc(float(cosine(block)[0, 1]) if both else 1.0, t, parallel=PARALLEL)
        change = torch.zeros(raw.shape, dtype=raw.dtype)
        for weight, delta in zip(factors, raw.deltas(), strict=True):
            if delta is not None:
                change.add_(delta, alpha=weight)
        return change
