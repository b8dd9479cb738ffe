"""Components that do on a task's own inputs what its delta did, and little on those of others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import TensorDeltas
from studio.checkpoints.low_rank import Factors, Product
from studio.checkpoints.vectors import CHUNK, Dense, DerivedVectors, Room, Vectors, pieces
from studio.methods.contract import Measured
from studio.methods.kit.input_metric import scaled, solved


@dataclass(frozen=True)
class ActivationMetric:
    """Components ``delta_i G_i (G_i + strength sum_j G_j)^-1``, j over the tasks that i heeds.

    ``G_j = E[x x^T]`` of what enters the layer in expert j on its own rows. It is the least of
    ``|(C - delta_i) X_i|^2 + strength sum_j |C X_j|^2``. Where the inputs of i and those that it
    heeds leave a direction open, and in tensors of which some task has no Gram (vectors,
    embeddings), it is ``delta_i / (1 + strength count)``, the mean rule at strength 1.

    Attributes:
        tasks: n names.
        measured: Grams by task and tensor.
        off_diagonal: multiplies their off-diagonal entries.
        strength: from 0 to 1.
        order: 'arrival' heeds the tasks before alone, 'symmetric' all others.

    Source: MDM-OC (arXiv 2507.20997), Eqs. 4, 6 and 15 with functions on inputs in the place of
    weights; the least squares are RegMean's (arXiv 2212.09849), and its sum at strength 1 with
    all others heeded.
    """

    tasks: tuple[str, ...]
    measured: Measured
    off_diagonal: float
    strength: float
    order: str

    def components(self, tensor: Vectors, turned: bool, dtype: torch.dtype) -> Vectors:
        """The components of one tensor; low-rank deltas stay products of factors.

        Args:
            tensor: the n deltas.
            turned: whether it is stored as (in, out), as by GPT-2's Conv1D.
            dtype: of the components.

        Raises:
            NotFinite: a Gram is not finite, or no sum of products of inputs.
        """
        shares = tuple(1 / (1 + self.strength * self._heeded(i)) for i in range(len(self.tasks)))
        found = [self.measured(task, tensor.name) for task in self.tasks]
        if 0 in tensor.shape or any(each is None for each in found):
            return Shared(tensor, shares)
        pairs = [_pair(tensor, task) for task in range(len(self.tasks))]
        dense = any(p is None and there for p, there in zip(pairs, tensor.present, strict=True))
        if dense or any(each is not None and each.dim() > 2 for each in found):
            return self._dense(tensor, shares, turned, dtype)
        return self._products(tensor, pairs, shares, turned, dtype)

    def _heeded(self, task: int) -> int:
        """How many tasks' inputs a task's component should leave alone."""
        return task if self.order == "arrival" else len(self.tasks) - 1

    def _gram(self, tensor: Vectors, task: int) -> Tensor:
        found = self.measured(self.tasks[task], tensor.name)
        assert found is not None
        return scaled(found, self.off_diagonal, f"{tensor.name}, '{self.tasks[task]}'")

    def _systems(self, tensor: Vectors) -> Iterator[tuple[Tensor, Tensor]]:
        """Per task its Gram, and the sum of it and of those that it heeds."""
        every = range(len(self.tasks))
        total = torch.zeros(())
        if self.order != "arrival":
            for task in every:
                total = total + self._gram(tensor, task)
        for task in every:
            own = self._gram(tensor, task)
            if self.order == "arrival":
                yield own, own + self.strength * total
                total = total + own
            else:
                yield own, (1 - self.strength) * own + self.strength * total

    def _products(
        self,
        tensor: Vectors,
        pairs: list[tuple[Tensor, Tensor] | None],
        shares: tuple[float, ...],
        turned: bool,
        dtype: torch.dtype,
    ) -> Vectors:
        sources: list[Product | None] = []
        for pair, share, system in zip(pairs, shares, self._systems(tensor), strict=True):
            if pair is None:
                sources.append(None)
                continue
            b, a = pair  # (rows, rank), (rank, columns); inputs are rows of what is turned
            made = _applied(system, b if turned else a.T, share, tensor.name)
            b, a = (made, a) if turned else (b, made.T)
            sources.append(Product(b.to(dtype), a.contiguous().to(dtype)))
        return TensorDeltas(tensor.name, tensor.shape, tensor.base, tuple(sources))

    def _dense(
        self, tensor: Vectors, shares: tuple[float, ...], turned: bool, dtype: torch.dtype
    ) -> Vectors:
        values: list[Tensor | None] = []
        for task, system in enumerate(self._systems(tensor)):
            if not tensor.present[task]:
                values.append(None)
                continue
            delta = _whole(tensor, task).view(tensor.shape[0], -1)
            made = _applied(system, delta if turned else delta.T, shares[task], tensor.name)
            values.append((made if turned else made.T).to(dtype).reshape(-1))
        return Dense(tensor.name, tensor.shape, tensor.base, tuple(values))


@dataclass(frozen=True)
class Shared(DerivedVectors):
    """Every delta times a number of its task.

    Attributes:
        shares: the n numbers.
    """

    shares: tuple[float, ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        chosen = self.chosen(tasks)
        found = self.raw.vectors(start, stop, dtype, room, tasks)
        for task, vector in zip(chosen, found, strict=True):
            yield None if vector is None else vector * self.shares[task]


def _pair(tensor: Vectors, task: int) -> tuple[Tensor, Tensor] | None:
    """A delta's low-rank factors in float64, if it has some."""
    found = tensor.compact[task]
    if isinstance(found, Factors):
        return found.b.double() * found.scale, found.a.double()
    return (found.b.double(), found.a.double()) if isinstance(found, Product) else None


def _whole(tensor: Vectors, task: int) -> Tensor:
    """A delta in float64, flat, in memory of its own."""
    made = torch.empty(tensor.numel, dtype=torch.float64)
    for start, stop in pieces(tensor.numel, CHUNK):
        piece = tensor.delta(task, start, stop, torch.float64)
        assert piece is not None
        made[start:stop] = piece
    return made


def _applied(system: tuple[Tensor, Tensor], right: Tensor, share: float, name: str) -> Tensor:
    """``left^-1 own right`` for the own Gram and the sum, ``right`` of ``(in, columns)``.

    With groups, each of them has its own part of the columns.
    """
    own, left = system
    parts = torch.stack(right.chunk(len(own), 1))  # (groups, in, columns / groups)
    made = solved(left, own @ parts, lambda: share * parts, name)
    return torch.cat(list(made), 1)
