"""LoHa: a delta that is the elementwise product of two low-rank ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Lycoris, columns
from studio.checkpoints.low_rank import Made
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class LoHa(Lycoris):
    """``alpha / r (w1_a w1_b) * (w2_a w2_b)``; of a convolution with cores also t1 and t2.

    Source: FedPara (arXiv 2108.06098), as PEFT merges it.
    """

    kind = "LoHa"
    peft_type = "LOHA"
    mark = "hada_"
    on_convolutions = True
    required = ("w1_a", "w1_b", "w2_a", "w2_b")
    suffixes: ClassVar[Mapping[str, str]] = {
        f".hada_{part}": part for part in (*required, "t1", "t2")
    }

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        rank, core = self.rank_of(path), (self.rank_of(path),) * 2 + shape[2:]
        if ("t1" in shapes) != ("t2" in shapes):
            return False
        if "t1" in shapes:  # (rank, out) and (rank, in), with a core of the kernel's size
            sides, whole = ((rank, shape[0]), (rank, shape[1])), len(shape) == 4
            cores = shapes["t1"] == shapes["t2"] == core
        else:
            sides, whole, cores = ((shape[0], rank), (rank, columns(shape))), True, True
        found = ((shapes[f"w{i}_a"], shapes[f"w{i}_b"]) for i in (1, 2))
        return whole and cores and all(each == sides for each in found)

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        scale = self.scale_of(path)

        def side(which: int, i: int, j: int, dtype: torch.dtype) -> Tensor:
            a, b = (parts[f"w{which}_{each}"].to(dtype) for each in "ab")
            if (core := parts.get(f"t{which}")) is None:
                return a[i:j] @ b
            return torch.einsum("rskl,si,ro->oikl", core.to(dtype), b, a[:, i:j]).flatten(1)

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            return side(1, i, j, dtype) * side(2, i, j, dtype) * scale

        return Made(base.entry.shape[0], block)
