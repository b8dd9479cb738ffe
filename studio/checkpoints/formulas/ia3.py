"""IA3: outputs or inputs of a layer multiplied by learned numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.turnable import Turnable
from studio.checkpoints.low_rank import Made, base_rows
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Ia3(Turnable):
    """``W * (l - 1)``: l scales outputs, and the bias too, or the inputs of a feedforward layer.

    Source: T-Few (arXiv 2205.05638), as PEFT merges it.
    """

    kind = "IA3"
    peft_type = "IA3"
    mark = "ia3_"
    suffixes: ClassVar[Mapping[str, str]] = {".ia3_l": "l"}
    known = frozenset({"feedforward_modules", "init_ia3_weights"})

    def on_bias(self, shapes: Shapes) -> bool:
        """See ``Formula``."""
        return len(shapes["l"]) == 2 and shapes["l"][1] == 1

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        if len(shape) == 1:
            return shapes["l"] == (shape[0], 1)
        return len(shape) == 2 and shapes["l"] in ((shape[0], 1), (1, shape[1]))

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        scale = parts["l"]

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            by_row = scale[i:j] if scale.shape[1] == 1 else scale
            return base_rows(base, i, j, dtype) * (by_row.to(dtype) - 1)

        return Made(base.entry.shape[0], block)

    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        return self.change({"l": parts["l"].T}, base, path)
