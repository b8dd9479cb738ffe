"""HRA: inputs of a layer reflected by a chain of Householder reflections."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula, columns, flag, natural
from studio.checkpoints.low_rank import Made, base_rows
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Hra(Formula):
    """``W H - W`` with ``H = (I - 2 u_1 u_1^T) ... (I - 2 u_r u_r^T)`` of unit vectors.

    Attributes:
        r: number of reflections.
        orthogonal: whether they are made orthogonal to each other first (``apply_GS``).

    Source: HRA (arXiv 2405.17484), as PEFT merges it.
    """

    r: int
    orthogonal: bool

    kind = "HRA"
    part = "reflections"
    peft_type = "HRA"
    mark = "hra_"
    on_convolutions = True
    suffixes: ClassVar[Mapping[str, str]] = {".hra_u": "u"}
    known = frozenset({"apply_GS", "init_weights", "r"})

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        gram_schmidt = flag(file, config, "apply_GS", False)
        return {"r": natural(file, config, "r", 8), "orthogonal": gram_schmidt}

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        return len(shape) in (2, 4) and shapes["u"] == (columns(shape), self.r)

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        units: list[Tensor] = []
        for vector in parts["u"].double().T:
            for other in units if self.orthogonal else ():
                vector = vector - (other @ vector) * other
            units.append(vector / vector.norm())

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            rows = base_rows(base, i, j, torch.float64)
            change = torch.zeros_like(rows)
            for unit in units:
                change -= 2 * torch.outer((rows + change) @ unit, unit)
            return change.to(dtype)

        return Made(base.entry.shape[0], block)
