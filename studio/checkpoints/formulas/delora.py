"""DeLoRA: low-rank factors of unit length, with a trained strength."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula, natural
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Delora(Formula):
    """``lambda / r B diag(1 / (|a_i| |b_i|)) A * w_norm``, w_norm the norms of the base's columns.

    Attributes:
        r: rank of most modules; the tensors show which rank each has.

    Source: DeLoRA (arXiv 2503.18225), as PEFT merges it.
    """

    r: int

    kind = "DeLoRA"
    part = "factors"
    peft_type = "DELORA"
    mark = "delora_"
    required = ("A", "B", "lambda", "w_norm")
    suffixes: ClassVar[Mapping[str, str]] = {f".delora_{part}": part for part in required}
    known = frozenset({
        "delora_lambda", "init_weights", "lambda_pattern", "module_dropout", "r", "rank_pattern",
    })  # fmt: skip

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
        if len(shape) != 2 or not rank:
            return False
        wanted = {"A": (rank, shape[1]), "B": (shape[0], rank), "lambda": (1,)}
        wanted["w_norm"] = (shape[1],)
        return all(shapes[part] == each for part, each in wanted.items())

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Factors:
        """See ``Formula``."""
        a, b, strength, norms = (parts[part].double() for part in self.required)
        lengths = a.norm(dim=1).clamp(min=1e-4) * b.norm(dim=0).clamp(min=1e-4)
        wide = torch.promote_types(parts["A"].dtype, torch.float32)
        return Factors((b * (strength / len(a) / lengths)).to(wide), (a * norms).to(wide), 1.0)
