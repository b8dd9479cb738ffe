"""Tasks that come to a state of sums and leave it: added and subtracted as whole numbers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.vectors import CHUNK, pieces
from studio.disk.folders import refuse_existing, replaced_file
from studio.errors import BadState
from studio.geometry.fixed_point import added
from studio.progress import Progress, part, silent
from studio.sequence.members import Member
from studio.sequence.receipt import Receipt, received, refuse_other, write_receipt
from studio.sequence.sealed import Sealed, damaged, write_sealed
from studio.sequence.sums import KEY, SumState, changed, open_sums, sum_layout
from studio.sequence.terms import Terms, written

First = Callable[[SumState], object]


def come(
    state: SumState,
    terms: Terms,
    receipt: Path | None = None,
    progress: Progress = silent,
    first: First | None = None,
) -> SumState:
    """Let a task come; reads the base, the state, its checkpoint and what was measured of it.

    The file is replaced in one step, and stays as it was if anything fails.

    Args:
        state: as opened last.
        terms: of the task.
        receipt: where its receipt is written; a new file, or None.
        progress: told the share of the work done; raising in it stops it.
        first: shown the new state before it takes the place of the old one; what it raises leaves
            the old one as it was.

    Returns:
        The state with the task.

    Raises:
        BadState: the task is in it already, a sum leaves the range of the integers, or the state
            is damaged or was changed meanwhile.
        OutputExists: there is a receipt already.
    """
    (name,), (checkpoint,) = terms.deltas.tasks, terms.deltas.checkpoints
    _refuse_twice(state, name, checkpoint)
    if receipt is not None:
        refuse_existing(receipt)
    measured = terms.measured.root if terms.measured else ""
    with written(terms.shapes, terms.values, part(progress, 0.0, 0.6)) as file:
        task = Member(name, checkpoint.digest, terms.coefficient, measured, file.root)
        tasks = (*state.tasks, task)
        if receipt is not None:
            write_receipt(state, task, file, receipt)
        try:
            return _apply(state, tasks, file, 1, task, part(progress, 0.6, 1.0), first)
        except BaseException:
            if receipt is not None:
                receipt.unlink(missing_ok=True)
            raise


def leave(
    state: SumState, terms: Terms, progress: Progress = silent, first: First | None = None
) -> SumState:
    """Let a task leave by its own checkpoint, and what was measured of it; see ``come``.

    Raises:
        BadState: the task is not in it, what it would subtract is not what it added, or the state
            is damaged or was changed meanwhile.
    """
    task = state.member(terms.deltas.tasks[0])
    measured = terms.measured.root if terms.measured else ""
    with written(terms.shapes, terms.values, part(progress, 0.0, 0.6)) as file:
        if file.root != task.terms:
            why = "the statistics are not those that it came with"
            if measured == task.statistics:
                why = "the checkpoint or coefficient is another, or this machine makes its delta so"
            raise BadState(
                f"'{task.name}' added terms {task.terms[:12]}… to {state.path}, but those made of "
                f"its checkpoint here are {file.root[:12]}…: {why}. Give its receipt."
            )
        return _apply(state, _without(state, task), file, -1, task, part(progress, 0.6, 1.0), first)


def leave_by_receipt(
    state: SumState, receipt: Receipt, progress: Progress = silent, first: First | None = None
) -> SumState:
    """Let a task leave by the receipt of its arrival alone; see ``come``.

    Raises:
        BadState: the receipt is damaged, of another state or arrival, or its task is not in this
            one; or the state is damaged or was changed meanwhile.
    """
    task = refuse_other(receipt, state)
    with received(receipt, part(progress, 0.0, 0.3)) as file:
        return _apply(state, _without(state, task), file, -1, task, part(progress, 0.3, 1.0), first)


def task_of(state: SumState, checkpoint: Checkpoint) -> Member:
    """The task that a checkpoint is in a state.

    Raises:
        BadState: it is none.
    """
    for task in state.tasks:
        if task.digest == checkpoint.digest:
            return task
    held = ", ".join(f"'{task.name}' {task.digest[:12]}…" for task in state.tasks) or "no task"
    raise BadState(
        f"{checkpoint.folder} ({checkpoint.digest[:12]}…) is not in {state.path}, which holds "
        f"{held}."
    )


def _without(state: SumState, task: Member) -> tuple[Member, ...]:
    return tuple(each for each in state.tasks if each != task)


def _refuse_twice(state: SumState, name: str, checkpoint: Checkpoint) -> None:
    for task in state.tasks:
        if task.digest == checkpoint.digest:
            raise BadState(
                f"'{name}' is in {state.path} already: '{task.name}' has the same digest "
                f"{task.digest[:12]}…. A checkpoint arrives once."
            )
        if task.name == name:
            raise BadState(
                f"{state.path} has a task '{name}' already, with the digest {task.digest[:12]}…; "
                "give the newcomer another name."
            )


def _apply(
    state: SumState, tasks: tuple[Member, ...], terms: Sealed, sign: int, task: Member,
    progress: Progress, first: First | None,
) -> SumState:  # fmt: skip
    """Replace a state by the one with terms added or subtracted."""
    counts = dict(state.counts)
    for term, entry in terms.entries.items():
        counts[term] = counts.get(term, 0) + sign
        held = state.entries.get(term)
        if held is not None and held.shape != entry.shape:
            raise BadState(
                f"'{task.name}' has {term} as {entry.shape}, but {state.path} sums {held.shape}. "
                "Its statistics are of another base."
            )
    gone = {term for term, count in counts.items() if count == 0}
    new = changed(state, tasks, {term: count for term, count in counts.items() if count})
    shapes = {t: e.shape for t, e in (state.entries | terms.entries).items() if t in new.counts}

    def values(term: str) -> Iterator[Tensor]:
        return _summed(state, terms, sign, term, task.name)

    need = 8 * sum(torch.Size(shape).numel() for shape in shapes.values())
    with replaced_file(state.path, need) as work:
        if open_sums(state.path).plain() != state.plain():
            raise BadState(f"{state.path} was changed meanwhile; open it again.")
        state.refuse_damaged(part(progress, 0.0, 0.2))
        for term in sorted(gone):
            if any(bool(piece.any()) for piece in values(term)):
                raise damaged(state.path, f"without '{task.name}' something is left in {term}")
        layout = sum_layout(shapes)
        write_sealed(work, KEY, new.plain(), layout, values, part(progress, 0.2, 1.0))
        if first is not None:
            first(open_sums(work))
    return open_sums(state.path)


def _summed(state: SumState, terms: Sealed, sign: int, term: str, task: str) -> Iterator[Tensor]:
    """A sum with a task's term, in flat pieces."""
    held, more = (each and each.stored(term) for each in (state.sums, terms))
    source, unit = held or more, state.unit(term)
    assert source is not None
    for start, stop in pieces(source.numel(), CHUNK):
        piece = torch.zeros(stop - start, dtype=torch.int64) if held is None else held[start:stop]
        if more is not None:
            piece = added(piece, more[start:stop].mul_(sign), unit, f"{term}, '{task}'")
        yield piece
