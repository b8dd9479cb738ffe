"""Checkpoints that add nothing to a merge: the same one twice, and one equal to the base."""

import torch

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.vectors import Vectors, pieces
from studio.errors import NothingToMerge, Remedy


def refuse_copies(deltas: Deltas) -> None:
    """Refuse the same checkpoint twice.

    Raises:
        NothingToMerge: naming both tasks.
    """
    first: dict[str, str] = {}
    for task, checkpoint in zip(deltas.tasks, deltas.checkpoints, strict=True):
        other = first.setdefault(checkpoint.known_digest, task)
        if other != task:
            raise NothingToMerge(
                f"'{other}' and '{task}' are the same checkpoint (digest "
                f"{checkpoint.known_digest[:12]}…).",
                Remedy.LEAVE_ONE_OUT,
            )


def refuse_zero(deltas: Deltas) -> None:
    """Refuse a task whose delta is zero everywhere; reading stops at the first change found.

    Raises:
        NothingToMerge: naming the task.
    """
    for index, task in enumerate(deltas.tasks):
        if not any(
            _changes(deltas.at(name), index, deltas.dtype)
            for name in (*deltas.names, *deltas.statistics)
        ):
            raise NothingToMerge(
                f"'{task}' is equal to the base in every shared tensor: its delta is zero.",
                Remedy.LEAVE_IT_OUT,
            )


def _changes(tensor: Vectors, task: int, dtype: torch.dtype) -> bool:
    if not tensor.present[task]:
        return False
    cuts = ((start, stop) for start, stop in pieces(tensor.numel))
    return any(bool(tensor.delta(task, *cut, dtype).any()) for cut in cuts)  # type: ignore[union-attr]
