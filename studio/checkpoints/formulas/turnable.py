"""Adapter types that PEFT also puts on layers stored as (in, out), such as GPT-2's."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from torch import Tensor

from studio.checkpoints.adapter import HARMLESS, Shapes, refuse_unknown
from studio.checkpoints.formulas.contract import Formula, flag
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.stored import Stored

_OPTION = "fan_in_fan_out"


@dataclass(frozen=True)
class Turnable(Formula):
    """A type whose layers are stored either way.

    Attributes:
        fan_in_fan_out: whether as (in, out), where neither the base nor a shape tells.
    """

    fan_in_fan_out: bool = field(default=False, kw_only=True)

    @classmethod
    def read(cls, file: Path, config: Mapping) -> Self:
        """See ``Formula``."""
        refuse_unknown(file, config, cls.kind, HARMLESS | cls.known | {_OPTION})
        return cls(**cls.options(file, config), fan_in_fan_out=flag(file, config, _OPTION, False))

    def is_across(
        self, shapes: Shapes, shape: tuple[int, ...], path: str, turned: bool | None
    ) -> bool | None:
        """See ``Formula``."""
        straight = self.fits(shapes, shape, path)
        across = len(shape) == 2 and self.fits(shapes, shape[::-1], path)
        if straight and across:
            return self.fan_in_fan_out if turned is None else turned
        return across if straight or across else None

    @abstractmethod
    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Rows:
        """See ``Formula``."""
