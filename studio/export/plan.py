"""What is asked of an export of a merge."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExportPlan:
    """What is asked of an export.

    Attributes:
        folder: a new one.
        adapter: whether it is to be one LoRA adapter, or else a complete model.
        rank: of the adapter; None for all factors.
        classifiers: whether complete classifier folders are written beside the model.
        allow_duplicates: accept equal checkpoints and zero deltas.
    """

    folder: str | Path
    adapter: bool = False
    rank: int | None = None
    classifiers: bool = False
    allow_duplicates: bool = False
