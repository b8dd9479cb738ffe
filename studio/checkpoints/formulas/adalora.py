"""AdaLoRA: low-rank factors with singular values between them, some of which were pruned."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import columns, natural, number
from studio.checkpoints.formulas.turnable import Turnable
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class AdaLora(Turnable):
    """``alpha / (init_r + 1e-5) B (A * E)``; the tensors show which ranks are left.

    Attributes:
        init_r: rank before pruning.
        alpha: 0 stands for the rank that is left.

    Source: AdaLoRA (arXiv 2303.10512), as PEFT merges it.
    """

    init_r: int
    alpha: float

    kind = "AdaLoRA"
    part = "factors"
    peft_type = "ADALORA"
    mark = "lora_"
    on_convolutions = True
    required = ("A", "B", "E")
    suffixes: ClassVar[Mapping[str, str]] = {f".lora_{part}": part for part in required}
    known = frozenset({
        "beta1", "beta2", "deltaT", "ensure_weight_tying", "init_lora_weights", "init_r",
        "lora_alpha", "lora_dropout", "megatron_core", "orth_reg_weight", "qalora_group_size", "r",
        "rank_pattern", "target_r", "tfinal", "tinit", "total_step",
    })  # fmt: skip

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        alpha = number(file, config, "lora_alpha", 8)
        return {"init_r": natural(file, config, "init_r", 12), "alpha": max(alpha, 0.0)}

    @property
    def rank(self) -> int:
        """See ``Adapter``."""
        return self.init_r

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        if not shapes["A"]:
            return False
        rank = shapes["A"][0]
        wanted = {"A": (rank, columns(shape)), "B": (shape[0], rank), "E": (rank, 1)}
        return all(shapes[part] == each for part, each in wanted.items())

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Factors:
        """See ``Formula``."""
        a, b, e = parts["A"], parts["B"], parts["E"]
        scale = (self.alpha or float(len(a))) / (self.init_r + 1e-5)
        if not len(a):  # all ranks were pruned
            return Factors(torch.zeros(len(b), 1), torch.zeros(1, a.shape[1]), 1.0)
        wide = torch.promote_types(a.dtype, torch.float32)
        return Factors(b, a.to(wide) * e.to(wide), scale)

    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Factors:
        """See ``Formula``."""
        return self.change(parts, base, path).turned()
