"""Pre-flight: what a zoo's checkpoints are and whether they, heads and rows fit its base."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from studio.checkpoints.alignment import Join, join
from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.quantized import base_notes, refuse_quantized
from studio.device import free_memory, resident_limit
from studio.errors import Findings, StudioError
from studio.tasks.answerer import answer_notes
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.contract import Reader
from studio.tasks.live_model import refuse_apart
from studio.tasks.precision import worn_dtype
from studio.tasks.rows import Row
from studio.tasks.spec import TaskSpec
from studio.tasks.task import Task, open_task
from studio.zoo import Zoo

Made = TypeVar("Made")
_FIRST_ROWS = 1000
Readers = Mapping[str, Reader]
Allow = Callable[[str, str], None]


@dataclass(frozen=True)
class Look:
    """One checkpoint, as its headers show it.

    Attributes:
        name: of the task or the general rows; 'base' for the base.
        kind: 'full', 'LoRA' or 'OFT', 'general' for rows; empty if it cannot be read.
        rank: of the adapter, or None.
        tensors: of the base that it would change; for the base, that it holds.
        parameters: in these tensors.
        size: bytes of its weights on disk.
        notes: what a user should know, a sentence each.
        problem: why the zoo cannot be opened with it, or None.
    """

    name: str
    kind: str = ""
    rank: int | None = None
    tensors: int = 0
    parameters: int = 0
    size: int = 0
    notes: tuple[str, ...] = ()
    problem: StudioError | None = None


@dataclass(frozen=True)
class Preflight:
    """What is known of a zoo before anything heavy is read.

    Attributes:
        zoo: as its file says.
        looks: the base, every task and all general rows, in the zoo's order.
        model: bytes that the live model takes; 0 if no task has rows to score.
        deltas: bytes of all deltas, dense.
        held: bytes of them that stay in memory; 0 if they are read from the disk instead.
        free: bytes of memory that are free.
    """

    zoo: Zoo
    looks: tuple[Look, ...]
    model: int
    deltas: int
    held: int
    free: int

    @property
    def needed(self) -> int:
        """Bytes of memory that the open zoo takes, about."""
        return self.model + self.held

    @property
    def misfits(self) -> list[StudioError]:
        """Everything that is wrong with the checkpoints, their heads, labels and first rows."""
        found = Findings(f"'{self.zoo.name}'")
        for look in self.looks:
            if look.problem:
                found.add(look.problem)
        return found.found

    @property
    def problems(self) -> list[StudioError]:
        """Everything that stands against opening the zoo: misfits, and too little memory."""
        found = self.misfits
        if self.needed > self.free:
            found.append(
                StudioError(
                    f"'{self.zoo.name}' needs about {self.needed:,} bytes of memory, but only "
                    f"{self.free:,} are free. Close other programs or use a larger machine."
                )
            )
        return found

    def refuse(self) -> None:
        """Refuse to open a zoo with problems.

        Raises:
            StudioError: the one problem there is, or a sentence that lists them all.
        """
        Findings(f"'{self.zoo.name}'", self.problems).refuse()

    def refuse_misfits(self) -> None:
        """Refuse checkpoints that cannot be merged, however much memory there is.

        Raises:
            StudioError: as ``refuse``.
        """
        Findings(f"'{self.zoo.name}'", self.misfits).refuse()


def preflight(
    zoo: Zoo, allow: Allow = lambda source, name: None, roots: tuple[Path, ...] = ()
) -> Preflight:
    """Look at every checkpoint of a zoo; what is wrong with one does not hide the next.

    Headers are read, integer buffers (a few positions), which must be the base's, and what
    answers for a task: its head, its labels and its first rows.

    Args:
        zoo: to look at.
        allow: called with a source and its name before it is touched; raises to forbid it.
        roots: folders into which links of the checkpoints' files may lead, beside the zoo's.
    """
    roots = (zoo.folder, *roots)
    base, problem = _tried(partial(_open, open_base, zoo.base, "base", allow, roots))
    look, opened = _base_look(base, problem), [base]
    base = None if look.problem else base  # what is wrong with it is told once
    readers, unread = _readers(zoo, base)
    looks = [replace(look, problem=look.problem or unread)]
    for task in zoo.tasks:
        opening = partial(_open, open_checkpoint, task.checkpoint, task.name, allow, roots)
        checkpoint, problem = _tried(opening)
        opened.append(checkpoint)
        joined = None
        if base and checkpoint:
            joined, problem = _tried(partial(join, base, task.name, checkpoint))
        look = _look(task.name, base, checkpoint, joined, _named(task.name, problem))
        if base and checkpoint and joined:
            own = Deltas(base, [(task.name, checkpoint)], [joined]).private(task.name)
            look = _answered(look, task, own, base, readers)
            look = replace(look, notes=(*look.notes, *answer_notes(task, checkpoint)))
        looks.append(look)
    looks += [_general_look(spec, base, readers) for spec in zoo.general]
    return _in_memory(zoo, looks, [each for each in opened if each])


def _in_memory(zoo: Zoo, looks: list[Look], opened: list[Checkpoint]) -> Preflight:
    """What was found, with the memory that the open zoo takes."""
    entries = [each for c in opened for each in c.weights.entries.values()]
    width = 8 if any(entry.code == "F64" for entry in entries) else 4
    deltas = width * sum(look.parameters for look in looks[1:])
    if not any("held_out" in task.data for task in zoo.tasks):
        return Preflight(zoo, tuple(looks), 0, deltas, 0, free_memory())
    worn = worn_dtype(opened[0], torch.device("cpu")) if opened else torch.float32
    model = worn.itemsize * looks[0].parameters
    held = deltas if deltas <= resident_limit() else 0
    return Preflight(zoo, tuple(looks), model, deltas, held, free_memory())


def _open(
    opened: Callable[..., Checkpoint], source: str, name: str, allow: Allow, roots: tuple[Path, ...]
) -> Checkpoint:
    allow(source, name)
    return opened(source, roots)


def _tried(work: Callable[[], Made]) -> tuple[Made | None, StudioError | None]:
    try:
        return work(), None
    except StudioError as problem:
        return None, problem


def _named(name: str, problem: StudioError | None) -> StudioError | None:
    """The problem, with the name of the checkpoint that it is about."""
    if problem is None or f"'{name}'" in str(problem):
        return problem
    return problem.within(f"'{name}'")


def _base_look(base: Checkpoint | None, problem: StudioError | None) -> Look:
    if base is None:
        return Look("base", problem=problem)
    if base.adapter is not None:
        problem = StudioError(f"The base {base.folder} is an adapter; it must be a full model.")
    else:
        _, problem = _tried(partial(refuse_quantized, base))
    entries = base.weights.entries.values()
    numbers = len(entries), sum(e.numel for e in entries), sum(e.size for e in entries)
    return Look("base", base.kind, None, *numbers, base_notes(base), problem)


def _readers(zoo: Zoo, base: Checkpoint | None) -> tuple[Readers, StudioError | None]:
    """What reads the zoo's rows, by kind, and why the base's files make none."""
    kinds = {spec.type: KINDS[spec.type] for spec in (*zoo.tasks, *zoo.general) if spec.data}
    if base is None or not kinds:
        return {}, None
    read, problem = _tried(lambda: {name: kind.reader(base) for name, kind in kinds.items()})
    _, apart = _tried(lambda: refuse_apart(base, list(kinds.values())))
    return read or {}, problem or apart


def _general_look(spec: TaskSpec, base: Checkpoint | None, readers: Readers) -> Look:
    """Rows that belong to no task: their head and labels must fit each other and the base."""
    note = "Rows that belong to no task; they show how much of the base's ability is kept."
    look = Look(spec.name, "general", notes=(note,))
    return _answered(look, spec, {}, base, readers) if base else look


def _answered(
    look: Look, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, readers: Readers
) -> Look:
    """A look with what is known of its head, labels and first rows."""
    wrong = Findings(f"'{spec.name}'")
    task = wrong.tried(partial(open_task, spec, private, base))
    if task is None:
        return replace(look, problem=_named(spec.name, wrong.found[0]))
    if task.head:
        wrong.tried(partial(task.kind.refuse_misfit, spec, task.head, base))
    for split in spec.data if task.head else ():
        rows = wrong.tried(partial(task.first_rows, split, _FIRST_ROWS))
        if rows and spec.type in readers:
            where = f"'{spec.name}', {split} rows"
            wrong.tried(partial(_refuse_unread, task, readers[spec.type], rows, where))
    named = [_named(spec.name, each) or each for each in wrong.found]
    _, problem = _tried(Findings(wrong.what, named).refuse)
    return replace(look, notes=(*look.notes, *task.notes), problem=problem)


def _refuse_unread(task: Task, reader: Reader, rows: Sequence[Row], where: str) -> None:
    """Refuse rows that the reader makes nothing of, or for which the model has no room."""
    task.kind.refuse_unread(reader, rows, where)
    try:
        task.kind.encode(reader, task.spec, rows)
    except StudioError as problem:
        bare = problem.problem.removeprefix(f"'{task.name}': ")
        raise type(problem)(f"{where}: {bare}", problem.remedy, problem.about) from None


def _look(
    name: str,
    base: Checkpoint | None,
    checkpoint: Checkpoint | None,
    joined: Join | None,
    problem: StudioError | None,
) -> Look:
    if checkpoint is None:
        return Look(name, problem=problem)
    rank = checkpoint.adapter.rank if checkpoint.adapter else None
    size = sum(entry.size for entry in checkpoint.weights.entries.values())
    if base is None or joined is None:
        return Look(name, checkpoint.kind, rank, size=size, notes=checkpoint.notes, problem=problem)
    shared = sum(base.weights.entries[each].numel for each in joined.shared)
    notes = (*checkpoint.notes, *joined.notes)
    if joined.private:
        notes = (*notes, f"{len(joined.private)} tensors of its own are never merged.")
    return Look(name, checkpoint.kind, rank, len(joined.shared), shared, size, notes, problem)
