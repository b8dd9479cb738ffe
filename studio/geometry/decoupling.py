"""Decoupling: a task's change of a matrix as a rotation of its inputs, and what is left of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from studio.checkpoints.low_rank import Rows
from studio.geometry.rotation import Turn, nearest_turn

_OPEN = {torch.float32: 1e-6, torch.float64: 1e-10}  # relative singular values that say nothing


@dataclass(frozen=True)
class Part:
    """One task's change of a matrix W: ``W (R - I)`` and a residual.

    Attributes:
        turns: R, one per slice of the inputs.
        residual: ``(out, in)`` in the compute dtype.
    """

    turns: tuple[Turn, ...]
    residual: Tensor


@dataclass(frozen=True)
class Residual(Rows):
    """The residual of a task as a delta, made when it is asked for and then kept.

    Attributes:
        make: decouples the task's change.
    """

    make: Callable[[], Part]

    @cached_property
    def part(self) -> Part:
        """What was made."""
        return self.make()

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """See ``Rows``."""
        return self.part.residual[start:stop].to(dtype)


def slices(width: int, block: int | None) -> tuple[slice, ...]:
    """The parts of ``width`` inputs that are turned apart: of ``block``, the last one narrower."""
    size = block or width
    return tuple(slice(start, min(start + size, width)) for start in range(0, width, size))


def decouple(
    base: Tensor, delta: Tensor, conflicting: Tensor | None, parts: tuple[slice, ...]
) -> Part:
    """The rotation of the inputs nearest to a change, and what it leaves.

    Args:
        base: ``(out, in)`` W.
        delta: ``(out, in)`` of a task.
        conflicting: ``(out,)`` bool; the rows that the rotation is fitted to, the others being
            fitted to W. None for all rows to the task's.
        parts: slices of the inputs.

    Source: OrthoMerge (arXiv 2602.05943), orthogonal-residual decoupling; the residual is taken
    against the whole change in any case, as in its public code.
    """
    turns, residual = [], torch.empty_like(delta)
    for part in parts:
        own, change = base[:, part].double(), delta[:, part].double()
        fitted = change if conflicting is None else change * conflicting.unsqueeze(1)
        turn = nearest_turn(own, own + fitted, _OPEN[delta.dtype])
        residual[:, part] = change - turn.change(own)
        turns.append(turn)
    return Part(tuple(turns), residual)


def conflicts(delta: Tensor, together: Tensor) -> Tensor:
    """Rows, ``(out,)`` bool, in which a task moves against the sum of all.

    Source: OrthoMerge (arXiv 2602.05943): the cosine of the two is below 0.
    """
    return torch.einsum("oi,oi->o", delta.double(), together.double()) < 0
