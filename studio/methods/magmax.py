"""MagMax: of every element, the largest change that any task makes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas, Room, TensorDeltas
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

    def vectors(self, given: Given) -> Deltas:
        """Each task's share of the elements."""
        return given.deltas.derived(_Largest.of)


class _Largest(TensorDeltas):
    """The deltas of one tensor, each where it is the largest."""

    @classmethod
    def of(cls, tensor: TensorDeltas) -> TensorDeltas:
        return cls(tensor.name, tensor.shape, tensor.base, tensor.sources)

    @property
    def factors(self) -> tuple[None, ...]:
        """None: shares are dense."""
        return (None,) * len(self.sources)

    def vectors(
        self, start: int, stop: int, dtype: torch.dtype, room: Room
    ) -> Iterator[Tensor | None]:
        """See ``TensorDeltas.vectors``."""
        winner = self._winner(start, stop, dtype, room)
        share = room.take("share", stop - start, dtype)
        for task, delta in enumerate(super().vectors(start, stop, dtype, room)):
            yield None if delta is None else torch.mul(delta, winner == task, out=share)

    def delta(self, task: int, start: int, stop: int, dtype: torch.dtype) -> Tensor | None:
        """See ``TensorDeltas.delta``."""
        delta = super().delta(task, start, stop, dtype)
        if delta is None:
            return None
        return delta * (self._winner(start, stop, dtype, Room()) == task)

    def _winner(self, start: int, stop: int, dtype: torch.dtype, room: Room) -> Tensor:
        """Per element, the index of the last task of the largest magnitude."""
        winner = room.take("winner", stop - start, torch.int32).fill_(-1)
        largest = room.take("largest", stop - start, dtype).zero_()
        size = room.take("size", stop - start, dtype)
        for task, delta in enumerate(super().vectors(start, stop, dtype, room)):
            if delta is not None:
                torch.abs(delta, out=size)
                winner.masked_fill_(size >= largest, task)
                torch.maximum(largest, size, out=largest)
        return winner
