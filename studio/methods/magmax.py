"""MagMax: of every element, the largest change that any task makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas
from studio.checkpoints.vectors import DerivedVectors, Room
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Given, Method


@dataclass(frozen=True)
class MagMax(Method):
    """base + sum_i c_i share_i: an element's change is that of the task that changes it most.

    A task's share is its delta where no raw delta has a larger magnitude, and 0 elsewhere. Equal
    magnitudes go to the later task: between float32 deltas that hardly happens, between deltas of
    16-bit checkpoints, which are few steps of rounding, it does, and the order then matters.

    Source: Marczak et al. 2024, MagMax (arXiv 2407.06322), with maximum magnitude selection.
    """

    name: ClassVar[str] = "magmax"
    title: ClassVar[str] = "MagMax"
    plainly: ClassVar[str] = "Takes every number from the task that changes it most."
    default_coefficient: ClassVar[float] = 0.5
    first_come: ClassVar[str] = "of equally large changes the later task's is taken"

    @property
    def derives(self) -> bool:
        """A share is no combination of whole deltas."""
        return True

    @property
    def ordered(self) -> bool:
        """Between exactly equal magnitudes, and nowhere else."""
        return True

    @property
    def portable(self) -> bool:
        """Magnitudes are compared, element by element."""
        return True

    def components(self, n: int, gram: Grams) -> Basis:
        """Each task's share."""
        return identity(n)

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each task's share of the elements."""
        return DerivedDeltas(given.deltas, _Largest)


@dataclass(frozen=True)
class _Largest(DerivedVectors):
    """The deltas of one tensor, each where it is the largest."""

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        winner = self._winner(start, stop, dtype, room)
        share = room.take("share", stop - start, dtype)
        chosen = self.chosen(tasks)
        found = self.raw.vectors(start, stop, dtype, room, chosen)
        for task, delta in zip(chosen, found, strict=True):
            yield None if delta is None else torch.mul(delta, winner == task, out=share)

    def _winner(self, start: int, stop: int, dtype: torch.dtype, room: Room) -> Tensor:
        """Per element, the index of the last task of the largest magnitude."""
        winner = room.take("winner", stop - start, torch.int32).fill_(-1)
        largest = room.take("largest", stop - start, dtype).zero_()
        size = room.take("size", stop - start, dtype)
        for task, delta in enumerate(self.raw.vectors(start, stop, dtype, room)):
            if delta is not None:
                torch.abs(delta, out=size)
                winner.masked_fill_(size >= largest, task)
                torch.maximum(largest, size, out=largest)
        return winner
