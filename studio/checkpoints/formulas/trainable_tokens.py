"""Trainable tokens: an adapter of nothing but a few rows of an embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from studio.checkpoints.adapter import HARMLESS, Adapter, Shapes, Sorted, refuse_unknown, sort_parts
from studio.checkpoints.tokens import SUFFIXES, TokenRows, read_tokens
from studio.errors import BadCheckpoint


@dataclass(frozen=True)
class TrainableTokens(Adapter):
    """Trained rows in the place of the base's.

    Attributes:
        rows: that are trained, of every embedding in the file.
    """

    rows: tuple[int, ...]

    kind = "trainable tokens"
    part = "token rows"
    peft_type = "TRAINABLE_TOKENS"

    @classmethod
    def read(cls, file: Path, config: Mapping) -> Self:
        """The options in an adapter's config.

        Raises:
            BadCheckpoint: an option is not understood, or no rows are named.
        """
        refuse_unknown(file, config, cls.kind, HARMLESS | {"init_weights", "token_indices"})
        ((_, rows),) = read_tokens(config.get("token_indices", []), f"{file}: token_indices")
        return cls(rows)

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def plain(self) -> dict:
        """See ``Adapter``."""
        return {"kind": "trainable_tokens", "rows": list(self.rows)}

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        parts = sort_parts(shapes, SUFFIXES, self.kind, "trainable_tokens_", folder)
        modules = {
            path: TokenRows(path, found["tokens"], self.rows)
            for path, found in parts.modules.items()
        }
        if not modules:
            raise BadCheckpoint(f"{folder} holds no trained token rows.")
        others = {name.replace(".base_layer.", "."): at for name, at in parts.others.items()}
        return Sorted(modules, others, parts.notes)
