"""VeRA: random factors shared by all layers, with trained scales between and after them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import INSTEAD, Shapes
from studio.checkpoints.formulas.contract import natural
from studio.checkpoints.formulas.turnable import Turnable
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint


@dataclass(frozen=True)
class Vera(Turnable):
    """``(lambda_b * B) (lambda_d * A)`` with the first rows of B and the first columns of A.

    Attributes:
        r: rank of the shared factors.

    Source: VeRA (arXiv 2310.11454), as PEFT merges it.
    """

    r: int

    kind = "VeRA"
    part = "scales"
    peft_type = "VERA"
    mark = "vera_"
    required = ("lambda_b", "lambda_d")
    suffixes: ClassVar[Mapping[str, str]] = {
        f".vera_{part}": part for part in ("A", "B", *required)
    }
    known = frozenset({
        "d_initial", "init_weights", "projection_prng_key", "r", "save_projection", "vera_dropout",
    })  # fmt: skip

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        if config.get("save_projection") is not True:
            raise BadCheckpoint(
                f"{file}: this VeRA was saved without its projections (save_projection is not "
                f"true), whose draws differ between machines. Save it with them, or {INSTEAD}."
            )
        return {"r": natural(file, config, "r", 256)}

    @property
    def rank(self) -> int:
        """See ``Adapter``."""
        return self.r

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def take_shared(self, modules: dict[str, dict[str, str]], folder: Path) -> dict[str, str]:
        """See ``Formula``."""
        shared = [path for path, parts in modules.items() if {*parts} <= {"A", "B"}]
        if len(shared) != 1 or len(modules[shared[0]]) != 2:
            raise BadCheckpoint(
                f"{folder} holds {len(shared)} pairs of VeRA's projections vera_A and vera_B; "
                "there must be one."
            )
        return modules.pop(shared[0])

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        a, b = shapes["A"], shapes["B"]
        return (
            len(shape) == len(a) == len(b) == 2
            and a[0] == b[1] == self.r
            and b[0] >= shape[0]
            and a[1] >= shape[1]
            and shapes["lambda_b"] == (shape[0],)
            and shapes["lambda_d"] == (self.r,)
        )

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Factors:
        """See ``Formula``."""
        return self._factors(parts, *base.entry.shape)

    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Factors:
        """See ``Formula``."""
        return self._factors(parts, *base.entry.shape[::-1]).turned()

    def _factors(self, parts: Mapping[str, Tensor], rows: int, width: int) -> Factors:
        wide = torch.promote_types(parts["A"].dtype, torch.float32)
        a, b, d, scale = (parts[part].to(wide) for part in ("A", "B", "lambda_d", "lambda_b"))
        return Factors(b[:rows] * scale[:, None], a[:, :width] * d[:, None], 1.0)
