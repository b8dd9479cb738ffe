"""What is asked of an export of a merge."""

from dataclasses import dataclass
from pathlib import Path

CHECKS = ("none", "header", "full")
"""What is looked at again: nothing; the written headers and bytes; also that transformers loads
the result, or that PEFT's forward with a written adapter is the studio's, and that each checkpoint
alone is what transformers and PEFT open (a pair once)."""


@dataclass(frozen=True)
class ExportPlan:
    """What is asked of an export.

    Attributes:
        folder: a new one.
        adapter: whether it is to be one LoRA adapter, or else a complete model.
        rank: of the adapter; None for all factors.
        classifiers: whether complete classifier folders are written beside the model.
        allow_duplicates: accept equal checkpoints and zero deltas.
        check: one of ``CHECKS``.
        each_task: whether every task's own adapter is written beside that of the merge.
    """

    folder: str | Path
    adapter: bool = False
    rank: int | None = None
    classifiers: bool = False
    allow_duplicates: bool = False
    check: str = "full"
    each_task: bool = False
