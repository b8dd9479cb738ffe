"""SHiRA: a sparse delta, at places that the file names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula
from studio.checkpoints.low_rank import Made
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint


@dataclass(frozen=True)
class Shira(Formula):
    """Values at (row, column), 0 elsewhere.

    Source: SHiRA (arXiv 2406.13175), as PEFT merges it.
    """

    kind = "SHiRA"
    part = "values"
    peft_type = "SHIRA"
    mark = "shira_"
    required = ("weight", "indices")
    suffixes: ClassVar[Mapping[str, str]] = {".shira_weight": "weight", ".shira_indices": "indices"}
    known = frozenset({"init_weights", "mask_type", "r", "random_seed"})

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        values = shapes["weight"]
        return len(shape) == 2 and len(values) == 1 and shapes["indices"] == (2, *values)

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        values, (rows, places) = parts["weight"], parts["indices"].long()
        height, width = base.entry.shape
        far = (rows < 0) | (rows >= height) | (places < 0) | (places >= width)
        if bool(far.any()) or parts["indices"].is_floating_point():
            raise BadCheckpoint(
                f"{path}: shira_indices name {int(far.sum()):,} places outside {base.entry.shape}."
            )

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            here = (rows >= i) & (rows < j)
            made = torch.zeros(j - i, width, dtype=dtype)
            index = (rows[here] - i, places[here])
            return made.index_put_(index, values[here].to(dtype), accumulate=True)

        return Made(height, block)
