"""MiSS: a small matrix repeated along the inputs of a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import INSTEAD, Shapes
from studio.checkpoints.formulas.contract import Formula, natural
from studio.checkpoints.low_rank import Made
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint


@dataclass(frozen=True)
class Miss(Formula):
    """Entry (o, i) is ``D[i mod r, o mod c]`` of the ``(r, c)`` matrix D.

    Attributes:
        r: rows of D.

    Source: MiSS (arXiv 2409.15371), as PEFT merges it.
    """

    r: int

    kind = "MiSS"
    part = "matrices"
    peft_type = "MISS"
    mark = "miss_"
    suffixes: ClassVar[Mapping[str, str]] = {".miss_block": "block"}
    known = frozenset({"init_weights", "mini_r", "miss_dropout", "r"})

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        if config.get("init_weights", True) not in (True, False, "mini"):
            raise BadCheckpoint(
                f"{file}: the MiSS option init_weights={config['init_weights']!r} is not "
                f"supported; {INSTEAD}."
            )
        return {"r": natural(file, config, "r", 64)}

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        found = shapes["block"]
        good = len(shape) == len(found) == 2 and found[0] == self.r <= shape[1]
        return good and found[1] > 0 and shape[0] % found[1] == 0

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        matrix, (height, width) = parts["block"].T, base.entry.shape

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            rows = matrix[torch.arange(i, j) % len(matrix)].to(dtype)
            return rows[:, torch.arange(width) % rows.shape[1]]

        return Made(height, block)
