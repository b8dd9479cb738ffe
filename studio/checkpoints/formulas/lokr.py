"""LoKr: a delta that is the Kronecker product of two small matrices."""

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
class LoKr(Lycoris):
    """``alpha / r w1 (x) w2``, each a matrix or a product of two; of a convolution with a core t2.

    Source: KronA (arXiv 2212.10650) and LyCORIS (arXiv 2309.14859), as PEFT merges it.
    """

    kind = "LoKr"
    peft_type = "LOKR"
    mark = "lokr_"
    on_convolutions = True
    suffixes: ClassVar[Mapping[str, str]] = {
        f".lokr_{part}": part for part in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")
    }
    known = Lycoris.known | {"decompose_both", "decompose_factor"}

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        rank = self.rank_of(path)
        first, second = (_side(shapes, side, rank) for side in ("w1", "w2"))
        return (
            first is not None
            and second is not None
            and len(first) == 2
            and first[0] * second[0] == shape[0]
            and first[1] * columns(second) == columns(shape)
            and (len(second) == 2 or second[2:] == shape[2:])
        )

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        scale = self.scale_of(path)

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            first, second = (_whole(parts, side, dtype) for side in ("w1", "w2"))
            places = torch.arange(i, j)
            left = first[places // len(second), :, None]
            return (left * second[places % len(second), None, :]).flatten(1) * scale

        return Made(base.entry.shape[0], block)


def _side(shapes: Shapes, side: str, rank: int) -> tuple[int, ...] | None:
    """Shape of a factor of the product; None if its parts do not make one."""
    a, b, core = (shapes.get(key) for key in (f"{side}_a", f"{side}_b", "t2"))
    if (whole := shapes.get(side)) is not None:
        return whole if a is None and b is None and len(whole) >= 2 else None
    if a is None or b is None or len(a) != 2 or len(b) != 2:
        return None
    if side == "w2" and core is not None:  # (rank, out) and (rank, in)
        fits = len(core) == 4 and core[:2] == (rank, rank) and a[0] == b[0] == rank
        return (a[1], b[1], *core[2:]) if fits else None
    return (a[0], b[1]) if a[1] == b[0] == rank else None


def _whole(parts: Mapping[str, Tensor], side: str, dtype: torch.dtype) -> Tensor:
    """A factor of the product, ``(rows, columns)``."""
    if side in parts:
        return parts[side].to(dtype).flatten(1)
    a, b = parts[f"{side}_a"].to(dtype), parts[f"{side}_b"].to(dtype)
    if side == "w2" and "t2" in parts:
        return torch.einsum("rskl,ro,si->oikl", parts["t2"].to(dtype), a, b).flatten(1)
    return a @ b
