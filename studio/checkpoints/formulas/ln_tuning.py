"""LN tuning: norms that are trained whole, under names of the adapter's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from studio.checkpoints.adapter import HARMLESS, Adapter, Shapes, Sorted, refuse_unknown, sort_parts
from studio.errors import BadCheckpoint


@dataclass(frozen=True)
class LnTuning(Adapter):
    """The norms' tensors stand in the place of the base's.

    Source: LN tuning (arXiv 2312.11420), as PEFT merges it.
    """

    kind = "LN tuning"
    part = "norms"
    peft_type = "LN_TUNING"

    @classmethod
    def read(cls, file: Path, config: Mapping) -> Self:
        """The options in an adapter's config.

        Raises:
            BadCheckpoint: an option is not understood.
        """
        refuse_unknown(file, config, cls.kind, HARMLESS)
        return cls()

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def plain(self) -> dict:
        """See ``Adapter``."""
        return {"kind": "ln_tuning"}

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        suffixes = {f".ln_tuning_layers.{part}": part for part in ("weight", "bias")}
        parts = sort_parts(shapes, suffixes, self.kind, "ln_tuning_", folder)
        norms = {
            f"{p}.{part}": at for p, each in parts.modules.items() for part, at in each.items()
        }
        if not norms:
            raise BadCheckpoint(f"{folder} holds no tensors of LN tuning.")
        if clash := sorted({*norms} & {*parts.others}):
            raise BadCheckpoint(f"{folder} holds {clash[0]} twice.")
        return Sorted({}, norms | parts.others, parts.notes)
