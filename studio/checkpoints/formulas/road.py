"""RoAD: pairs of a layer's outputs rotated and scaled."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula, natural
from studio.checkpoints.low_rank import Made, base_rows
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint

_SHARES = {"road_1": (1, 2), "road_2": (1, 1), "road_4": (2, 1)}


@dataclass(frozen=True)
class Road(Formula):
    """Output o becomes ``first_o y_o -+ second_o y_o'`` with o' its partner; so does the bias.

    Attributes:
        variant: how many angles and lengths a pair has: ``road_1``, ``road_2`` or ``road_4``.
        group_size: outputs of a group; the first half of it are the partners of the second.

    Source: RoAD (arXiv 2409.00119), as PEFT merges it.
    """

    variant: str
    group_size: int

    kind = "RoAD"
    part = "rotations"
    peft_type = "ROAD"
    mark = "road_"
    required = ("theta", "alpha")
    suffixes: ClassVar[Mapping[str, str]] = {".road_theta": "theta", ".road_alpha": "alpha"}
    known = frozenset({"group_size", "init_weights", "variant"})

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        variant, size = config.get("variant"), natural(file, config, "group_size", 64, 2**20)
        if variant not in _SHARES or size % 2:
            raise BadCheckpoint(
                f"{file}: variant={variant!r} and group_size={size} are not one of "
                f"{', '.join(_SHARES)} and an even number."
            )
        return {"variant": variant, "group_size": size}

    def on_bias(self, shapes: Shapes) -> bool:
        """See ``Formula``."""
        return True

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        times, divided = _SHARES[self.variant]
        outputs = shape[0] if 1 <= len(shape) <= 2 else 0
        good = outputs > 0 and outputs % self.group_size == 0
        return good and shapes["theta"] == shapes["alpha"] == (outputs * times // divided,)

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        size, half = self.group_size, self.group_size // 2
        first, second = self._columns(parts["theta"].double(), parts["alpha"].double())

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            start, stop = i // size * size, -(-j // size) * size
            whole = base_rows(base, start, stop, dtype)
            upper, lower = whole.view(-1, 2, half, whole.shape[1]).unbind(1)
            partners = torch.stack((-lower, upper), 1).view_as(whole)[i - start : j - start]
            one, two = ((each[i:j, None]).to(dtype) for each in (first - 1, second))
            return whole[i - start : j - start] * one + partners * two

        return Made(base.entry.shape[0], block)

    def _columns(self, theta: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """``(out,)`` factors of an output and of its partner."""
        if self.variant == "road_1":
            halves = (each.view(-1, self.group_size // 2) for each in (theta, alpha))
            theta, alpha = (each.repeat_interleave(2, 0).flatten() for each in halves)
        if self.variant != "road_4":
            return alpha * theta.cos(), alpha * theta.sin()
        angles, lengths = (each.view(-1, 2, self.group_size) for each in (theta, alpha))
        return (
            (lengths[:, 0] * angles[:, 0].cos()).flatten(),
            (lengths[:, 1] * angles[:, 1].sin()).flatten(),
        )
