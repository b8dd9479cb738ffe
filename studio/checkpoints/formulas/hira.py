"""HiRA: the base's weights multiplied elementwise by a low-rank matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import natural
from studio.checkpoints.formulas.turnable import Turnable
from studio.checkpoints.low_rank import Made, base_rows
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Hira(Turnable):
    """``W * (B A)``.

    Attributes:
        r: rank of most modules; the tensors show which rank each has.

    Source: HiRA (ICLR 2025), as PEFT merges it.
    """

    r: int

    kind = "HiRA"
    part = "factors"
    peft_type = "HIRA"
    mark = "hira_"
    required = ("A", "B")
    suffixes: ClassVar[Mapping[str, str]] = {".hira_A": "A", ".hira_B": "B"}
    known = frozenset({"hira_dropout", "init_weights", "r", "rank_pattern"})

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        return {"r": natural(file, config, "r", 8)}

    @property
    def rank(self) -> int:
        """See ``Adapter``."""
        return self.r

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        rank = shapes["B"][-1] if shapes["B"] else 0
        found = shapes["A"], shapes["B"]
        return rank > 0 and len(shape) == 2 and found == ((rank, shape[1]), (shape[0], rank))

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            product = parts["B"][i:j].to(dtype) @ parts["A"].to(dtype)
            return base_rows(base, i, j, dtype) * product

        return Made(base.entry.shape[0], block)

    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        return self.change({"A": parts["B"].T, "B": parts["A"].T}, base, path)
