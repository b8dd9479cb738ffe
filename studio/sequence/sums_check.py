"""Checks of a state of sums: built again from the tasks that are kept, or held to the log."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import Weights
from studio.disk.temporary import TemporaryFolder
from studio.errors import BadState
from studio.evidence.ledger.events import STATE
from studio.evidence.ledger.keys import canonical
from studio.evidence.ledger.log import Ledger
from studio.progress import Progress, part, silent
from studio.sequence.arrivals import come
from studio.sequence.members import Member
from studio.sequence.sums import SumState, init_sums
from studio.sequence.terms import Terms

CAME, LEFT = "came", "left"
Inputs = Callable[[str, Checkpoint], Weights | None]
"""What was measured of a task, by its name and checkpoint."""


@dataclass(frozen=True)
class Verdict:
    """What a check of a state found.

    Attributes:
        exact: whether the bits are those of a state of the kept tasks; None if nobody knows.
        words: one sentence or more.
    """

    exact: bool | None
    words: str


def log_change(ledger: Ledger, state: SumState, task: Member, change: str) -> None:
    """Quote a state's root in the log, with what is in it.

    Args:
        ledger: the log.
        state: after the change.
        task: that came or left.
        change: ``CAME`` or ``LEFT``.
    """
    ledger.append(*change_event(state, task, change))


def change_event(state: SumState, task: Member, change: str) -> tuple[str, dict]:
    """What the log says of a change, see ``log_change``."""
    told = {"change": change, "task": task.name, "digest": task.digest}
    return STATE, told | _about(state)


def quoted(ledger: Ledger, state: SumState) -> list[tuple[str, str]]:
    """(time, root) of every entry of the log on a state of these tasks, terms and settings."""
    wanted = {name: value for name, value in _about(state).items() if name != "root"}
    return [
        (entry.time, entry.content["root"])
        for entry in ledger.entries()
        if entry.event == STATE
        and all(entry.content[name] == value for name, value in wanted.items())
    ]


def held_to_log(
    ledger: Ledger, state: SumState, progress: Progress = silent, own: int = 1
) -> Verdict:
    """Compare a state's root with the roots that the log quotes for the same tasks.

    It says of a state that a task has left that it is the one of before that task came, if there
    was one; a log that quotes the state's own last change alone says that nothing changed since.

    Args:
        ledger: the log.
        state: to check.
        progress: told the share of the work done; raising in it stops it.
        own: entries that the log has of the state's own last change: 0 before it is logged.

    Raises:
        BadState: the file is damaged.
    """
    state.refuse_damaged(progress)
    found = quoted(ledger, state)
    names = ", ".join(f"'{task.name}'" for task in state.tasks) or "no task"
    if not found:
        return Verdict(
            None,
            f"The log quotes no state of {names} with these terms and settings, so that nothing "
            "tells whether something else is left in the sums. Build it again from the kept tasks.",
        )
    other = [(time, root) for time, root in found if root != state.root]
    if other:
        time, root = other[-1]
        return Verdict(
            False,
            f"The sums have the root {state.root[:12]}…, but the log of {time} quotes "
            f"{root[:12]}… for the same tasks, {names}: something else is in one of them.",
        )
    if len(found) <= own:
        return Verdict(
            None,
            f"The sums have the root that the log of {found[0][0]} quotes for {names}. It is the "
            "only entry on these tasks: it shows that nothing changed since, not what is in them.",
        )
    return Verdict(
        True,
        f"The sums have the root {state.root[:12]}… that {_entries(len(found))} of the log quote"
        f"{'s' * (len(found) == 1)} for {names}, the first of {found[0][0]}: whoever came in "
        "between left nothing.",
    )


def built_again(
    state: SumState, base: Checkpoint, kept: Mapping[str, Checkpoint], inputs: Inputs,
    progress: Progress = silent,
) -> Verdict:  # fmt: skip
    """Build a state anew of the tasks that are in it, one checkpoint at a time, and compare bits.

    Args:
        state: to check.
        base: of the state.
        kept: checkpoints by the state's names.
        inputs: what was measured of a task, where the method needs it.
        progress: told the share of the work done; raising in it stops it.

    Raises:
        BadState: the state is damaged or of another base, or a checkpoint is missing or another.
    """
    state.refuse_damaged(part(progress, 0.0, 0.1))
    with rebuilt(state, base, kept, inputs, part(progress, 0.1, 1.0)) as again:
        return compared(state, again)


@contextmanager
def rebuilt(
    state: SumState, base: Checkpoint, kept: Mapping[str, Checkpoint], inputs: Inputs,
    progress: Progress = silent,
) -> Iterator[SumState]:  # fmt: skip
    """A state built anew of the tasks that another names, in a file that goes with the block.

    Raises:
        BadState: as ``built_again``.
    """
    state.refuse_other_base(base)
    for task in state.tasks:
        found = kept.get(task.name)
        if found is None or found.digest != task.digest:
            has = "is not at hand" if found is None else f"has the digest {found.digest[:12]}…"
            raise BadState(
                f"'{task.name}' came to {state.path} with the digest {task.digest[:12]}…, but its "
                f"checkpoint {has}. All kept tasks are needed to build the state again."
            )
    with TemporaryFolder("state") as folder:
        path = folder.path / "state.safetensors"
        again = init_sums(base, path, state.name, state.options, state.coarser)
        for number, task in enumerate(state.tasks):
            share = part(progress, number / len(state.tasks), (number + 1) / len(state.tasks))
            checkpoint = kept[task.name]
            measured = inputs(task.name, checkpoint)
            terms = Terms.of(again, base, (task.name, checkpoint), task.coefficient, measured)
            again = come(again, terms, None, share)
        yield again


def compared(state: SumState, again: SumState) -> Verdict:
    """What a state is beside the one that was built of the same tasks."""
    if again.plain() == state.plain() and again.root == state.root:
        return Verdict(
            True,
            f"Built again from its {len(state.tasks)} tasks, the state has the same bits, root "
            f"{state.root[:12]}…: there is nothing of anybody else in it.",
        )
    pairs = zip(state.tasks, again.tasks, strict=True)
    other = [mine.name for mine, new in pairs if mine != new]
    if other:
        return Verdict(
            None,
            f"The terms of {', '.join(map(repr, other))} are other ones here than those that were "
            "added: what was measured of them is other, or this machine makes a delta otherwise. "
            "So this does not tell what is in the sums.",
        )
    return Verdict(
        False,
        f"Built again from its {len(state.tasks)} tasks, the sums have the root "
        f"{again.root[:12]}…, not {state.root[:12]}…: something else is in them.",
    )


def _entries(count: int) -> str:
    return f"{count} entries" if count > 1 else "1 entry"


def _about(state: SumState) -> dict:
    tasks = {task.name: task.terms for task in state.tasks}
    settings = settings_digest(state)
    return {"base": state.base, "settings": settings, "tasks": tasks, "root": state.root}


def settings_digest(state: SumState) -> str:
    """By which the log knows what two states must share."""
    return hashlib.sha256(canonical(state.settings)).hexdigest()
