"""Deltas (task vectors): what each checkpoint adds to the base, one piece of a tensor at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import ClassVar, NoReturn

import torch
from torch import Tensor

from studio.checkpoints.alignment import Join, join
from studio.checkpoints.architecture import turned
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.fused import one_by_one
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.matched_rows import MatchedRows
from studio.checkpoints.resident import Residents
from studio.checkpoints.statistics import mixed, statistics_among
from studio.checkpoints.stored import Stored
from studio.checkpoints.ties import members
from studio.checkpoints.vectors import Room, Vectors
from studio.errors import NotFinite

Source = Stored | Rows


@dataclass(frozen=True)
class TensorDeltas(Vectors):
    """The n deltas of one tensor (MDM-OC, Eqs. 1 and 11).

    Attributes:
        sources: per task the stored tensor, what its delta is made dense from, or None where the
            task leaves this tensor alone.
    """

    name: str
    shape: tuple[int, ...]
    base: Stored
    sources: tuple[Source | None, ...]

    @property
    def present(self) -> tuple[bool, ...]:
        """See ``Vectors``."""
        return tuple(source is not None for source in self.sources)

    @property
    def compact(self) -> tuple[Rows | None, ...]:
        """See ``Vectors``."""
        return tuple(source if isinstance(source, Rows) else None for source in self.sources)

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        base = None
        for task in self.chosen(tasks):
            source = self.sources[task]
            if source is None:
                yield None
            elif isinstance(source, Rows):
                yield source.flat(start, stop, math.prod(self.shape[1:]), dtype)
            else:
                if base is None:
                    base = self.base_piece(start, stop, dtype, room)
                values = room.read("delta", source, start, stop, dtype)
                yield torch.sub(values, base, out=values)


def _laid_out(base: Checkpoint, joins: tuple[Join, ...]) -> tuple[Checkpoint, tuple[Join, ...]]:
    """The base as a merge of these checkpoints is written, and where each tensor comes from.

    What one of them has trained apart from a tensor that it was tied to gets a place of its own,
    in which the others change it as they change that tensor.
    """
    twins = {twin: name for each in joins for twin, (_, name) in each.twins.items()}
    copies = {name for each in joins for name in each.copies if name not in twins}
    if not twins and not copies:
        return base, joins
    if twins:
        twins, copies = members(base) | twins, set()
    laid = []
    for each in joins:
        apart = {twin: stored for twin, (stored, _) in each.twins.items() if stored}
        along = {
            twin: each.shared[name]
            for twin, name in twins.items()
            if twin not in each.twins and name in each.shared
        }
        laid.append(replace(each, shared=each.shared | apart | along))
    return replace(base, weights=base.weights.seen(twins, copies)), tuple(laid)


Transform = Callable[[Vectors], Vectors]
"""What a method makes of the vectors of one tensor."""


class Deltas:
    """n deltas on one base; nothing is read before it is asked for.

    Running statistics of batch normalization are no weights and have no deltas, see ``statistic``.

    Args:
        base: the base model.
        checkpoints: by task.
        joins: how each fits the base, where that is known already.
    """

    combined: ClassVar[bool] = False

    def __init__(
        self,
        base: Checkpoint,
        checkpoints: Sequence[tuple[str, Checkpoint]],
        joins: Sequence[Join] | None = None,
    ) -> None:
        self.tasks = tuple(name for name, _ in checkpoints)
        self.checkpoints = tuple(one_by_one(base, checkpoint) for _, checkpoint in checkpoints)
        found = (join(base, name, c) for name, c in checkpoints) if joins is None else joins
        self._given = base, tuple(found)
        self.base, self.joins = _laid_out(*self._given)
        changed = {name for j in self.joins for name in j.shared}
        self.statistics = tuple(sorted(statistics_among(self.base.names) & changed))
        self.names = tuple(sorted(changed - {*self.statistics}))
        self.residents = Residents()

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def dtype(self) -> torch.dtype:
        """Compute dtype: float64 if the base or a checkpoint stores float64, else float32."""
        return self._dtype

    @cached_property
    def _dtype(self) -> torch.dtype:
        codes = {
            entry.code
            for c in (self.base, *self.checkpoints)
            for entry in c.weights.entries.values()
        }
        return torch.float64 if "F64" in codes else torch.float32

    @property
    def numel(self) -> int:
        """Elements of all deltas."""
        entries, weights = self.base.weights.entries, {*self.names}
        return sum(entries[name].numel for each in self.joins for name in weights & {*each.shared})

    @property
    def digests(self) -> tuple[str, ...]:
        """Per task what tells its deltas from others on this base: a text to recall by.

        It is the checkpoint's digest, and that of how rows were matched by token if they were.
        """
        pairs = zip(self.checkpoints, self.joins, strict=True)
        return tuple(c.known_digest + (j.rows.digest if j.rows else "") for c, j in pairs)

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(task, folder) of every checkpoint, in order."""
        folders = (str(checkpoint.folder) for checkpoint in self.checkpoints)
        return tuple(zip(self.tasks, folders, strict=True))

    def at(self, name: str) -> Vectors:
        """The deltas of one tensor of the base."""
        return self.residents.at(name, self.base, self.dtype, self._read)

    def statistic(self, name: str, coefficients: Sequence[float]) -> Tensor:
        """A running statistic of a mixture of the tasks, float64, see ``mixed``."""

        def read(task: int, name: str) -> Tensor:
            stored = self.joins[task].shared.get(name)
            return self.checkpoints[task].tensor(stored) if stored else self.base.tensor(name)

        experts = [partial(read, task) for task in range(len(self))]
        return mixed(name, self.base.tensor, experts, coefficients)

    def private(self, task: str) -> dict[str, Tensor]:
        """A task's own tensors (its head, say), which are never merged."""
        index = self.tasks.index(task)
        checkpoint = self.checkpoints[index]
        return {name: checkpoint.tensor(at) for name, at in self.joins[index].private.items()}

    def subset(self, tasks: Sequence[str]) -> "Deltas":
        """The deltas of some of the tasks, in the order given.

        They share what these hold in memory, now or later.
        """
        places = [self.tasks.index(task) for task in tasks]
        checkpoints = [(task, self.checkpoints[i]) for task, i in zip(tasks, places, strict=True)]
        base, joins = self._given
        chosen = Deltas(base, checkpoints, [joins[i] for i in places])
        if chosen.dtype == self.dtype:  # else what is in memory was computed in a wider one
            chosen.residents = self.residents.part(places)
        return chosen

    def _read(self, name: str) -> TensorDeltas:
        base = self.base.weights.stored(name)
        sources = tuple(self._source(task, name) for task in range(len(self)))
        return TensorDeltas(name, base.entry.shape, base, sources)

    def _source(self, task: int, name: str) -> Source | None:
        stored, checkpoint = self.joins[task].shared.get(name), self.checkpoints[task]
        if stored is None:
            return None
        modules, rows = self.joins[task].modules, self.joins[task].rows
        if stored in modules:
            base = self.base.weights.stored(name)
            return modules[stored].delta(base, checkpoint.tensor, turned(self.base, name))
        if rows is not None and stored in rows.names:
            base = self.base.weights.stored(name)
            return MatchedRows(base, checkpoint.weights.stored(stored), rows.places)
        return checkpoint.weights.stored(stored)


@dataclass(frozen=True)
class DerivedDeltas:
    """What a method makes of deltas, tensor by tensor, in the place of the deltas.

    Attributes:
        raw: what they are made of.
        transform: of one tensor's vectors.
        combined: whether it makes one vector of all tasks together.
        residents: what is held of them in memory.
    """

    raw: "AnyDeltas"
    transform: Transform
    combined: bool = False
    residents: Residents = field(default_factory=Residents, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def base(self) -> Checkpoint:
        """See ``Deltas``."""
        return self.raw.base

    @property
    def tasks(self) -> tuple[str, ...]:
        """See ``Deltas``."""
        return self.raw.tasks

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """See ``Deltas``."""
        return self.raw.checkpoints

    @property
    def joins(self) -> tuple[Join, ...]:
        """See ``Deltas``."""
        return self.raw.joins

    @property
    def names(self) -> tuple[str, ...]:
        """See ``Deltas``."""
        return self.raw.names

    @property
    def dtype(self) -> torch.dtype:
        """See ``Deltas``."""
        return self.raw.dtype

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """See ``Deltas``."""
        return self.raw.sources

    @property
    def numel(self) -> int:
        """Elements of all vectors."""
        entries = self.base.weights.entries
        return sum(entries[name].numel for name in self.names) if self.combined else self.raw.numel

    def at(self, name: str) -> Vectors:
        """The vectors of one tensor of the base."""
        return self.residents.at(name, self.base, self.dtype, self._make)

    def subset(self, tasks: Sequence[str]) -> NoReturn:
        """Refused: a task's vector may depend on all tasks that it was derived with.

        Raises:
            ValueError: always; take a subset of the deltas, and derive from it.
        """
        raise ValueError(
            f"What was derived of {', '.join(self.tasks)} together has no part for "
            f"{', '.join(tasks)}: take the subset of the raw deltas and derive from that."
        )

    def _make(self, name: str) -> Vectors:
        try:
            return self.transform(self.raw.at(name))
        except torch.linalg.LinAlgError:  # pyright: ignore  # what LAPACK says of NaN, overflow
            raise not_finite(self, name) from None


AnyDeltas = Deltas | DerivedDeltas


def not_finite(deltas: AnyDeltas, name: str) -> NotFinite:
    """The error for a tensor in whose deltas NaN or infinity was met, naming file and count."""
    candidates: list[tuple[Checkpoint, str]] = [(deltas.base, name)]
    for task_join, checkpoint in zip(deltas.joins, deltas.checkpoints, strict=True):
        stored = task_join.shared.get(name)
        module = task_join.modules.get(stored or "")
        if module:
            candidates += [(checkpoint, each) for each in module.stored]
        elif stored:
            candidates.append((checkpoint, stored))
    for checkpoint, stored in candidates:
        bad = int((~checkpoint.tensor(stored).isfinite()).sum())
        if bad:
            entry = checkpoint.weights.entries[stored]
            return NotFinite(
                f"{entry.file}: {stored} holds {bad:,} values that are NaN or infinite, of "
                f"{entry.numel:,}. The checkpoint is damaged; save or download it again."
            )
    return NotFinite(
        f"{name}: the numbers leave the range of {deltas.dtype}; use smaller coefficients."
    )
