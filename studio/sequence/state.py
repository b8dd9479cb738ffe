"""The state of an OPCM sequence: one file, no larger than a model, that takes in checkpoints."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio import __version__
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.statistics import statistics_among
from studio.checkpoints.weights import Weights
from studio.disk.files import mapping, only_keys, text_field
from studio.disk.folders import refuse_existing, replaced_file
from studio.errors import BadRecipe, BadState
from studio.geometry.gram import gram
from studio.methods import RUNNING_SUM, running_sum
from studio.methods.kit.running_sum import RunningSum, norms
from studio.progress import Progress, part, silent
from studio.recipe import Option, task_name
from studio.sequence.sealed import UNSEALED, damaged, open_sealed, refuse_other_root, write_sealed

VERSION = 1
_KEY = "mdm-oc-studio sequence"
_KEYS = ("version", "studio", "method", "options", "dtype", "base", "tasks")
_TASK_KEYS = ("name", "digest", "norm")
_DIGEST = re.compile("[0-9a-f]{64}")
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Arrived:
    """A task that is in the sum.

    Attributes:
        name: what people call it.
        digest: of its checkpoint.
        norm: of its delta, over the whole model.
    """

    name: str
    digest: str
    norm: float


@dataclass(frozen=True, eq=False)
class State:
    """What OPCM needs to know of all tasks so far to take the next one.

    A state cannot be undone: the sum and the norms do not say what one task put in. Exact
    unmerging needs the checkpoints of the kept tasks, and a new state of them.

    Attributes:
        path: of the file.
        options: of the method ``opcm``.
        dtype: in which all is computed, and the sum is stored.
        base: digest of the base.
        tasks: in order of arrival.
        root: weights root of the sum.
        sums: the running sum per tensor, before it is divided by lambda; None before the first
            task.
    """

    path: Path
    options: Mapping[str, Option]
    dtype: torch.dtype
    base: str
    tasks: tuple[Arrived, ...]
    root: str
    sums: Weights | None

    undone_by: ClassVar[str] = (
        "A state cannot be undone; begin another and let the kept checkpoints arrive in it."
    )
    """What to do about a task that must not be in it."""

    @property
    def method(self) -> RunningSum:
        """OPCM with the state's options."""
        return running_sum(self.options)

    def plain(self) -> dict:
        """What the file says of itself."""
        return {
            "version": VERSION,
            "studio": __version__,
            "method": RUNNING_SUM,
            "options": dict(self.options),
            "dtype": str(self.dtype).removeprefix("torch."),
            "base": self.base,
            "tasks": [vars(task) | {"norm": task.norm.hex()} for task in self.tasks],
        }

    def total(self, name: str) -> Tensor | None:
        """The running sum of one tensor, in memory of its own; None if no task touched it."""
        if self.sums is None or name not in self.sums.entries:
            return None
        return self.sums.tensor(name)


def init_state(base: Checkpoint, path: Path, options: Mapping[str, Option]) -> State:
    """Begin a sequence: a new file in which no task has arrived.

    Args:
        base: on which all checkpoints were trained.
        path: of a file that does not exist, in a folder that does.
        options: of the method ``opcm``.

    Raises:
        OutputExists: there is a file already.
        BadRecipe: an option is unknown or out of range.
        BadState: the base is an adapter.
    """
    running_sum(options)
    if base.adapter is not None:
        raise BadState(f"The base {base.folder} is an adapter; it must be a full model.")
    refuse_existing(path)
    dtype = Deltas(base, []).dtype
    state = State(path, dict(options), dtype, base.digest, (), UNSEALED, None)
    with replaced_file(path) as work:
        refuse_existing(path)
        write_sealed(work, _KEY, state.plain(), {}, lambda name: iter(()))
    return open_state(path)


def open_state(path: Path) -> State:
    """Read a state's header; the sums are read when they are asked for.

    Raises:
        BadCheckpoint: it is no safetensors file, or is cut off.
        BadState: it is of another kind or version, or says what cannot be.
    """
    found = open_sealed(
        path, _KEY, VERSION, "the state of a sequence", "begin one with `sequence init`"
    )
    data, entries = found.said, found.entries
    only_keys(data, _KEYS, str(path), BadState)
    dtype = _DTYPES.get(str(data.get("dtype")))
    if data.get("method") != RUNNING_SUM or dtype is None:
        raise damaged(path, f"method {data.get('method')!r}, dtype {data.get('dtype')!r}")
    options = mapping(data.get("options"), f"{path}: options", BadState)
    try:
        running_sum(options)
    except BadRecipe as problem:
        raise damaged(path, str(problem)) from None
    wrong = [name for name, each in entries.items() if each.dtype != dtype]
    tasks = _tasks(path, data.get("tasks"))
    if wrong or bool(entries) != bool(tasks):
        raise damaged(path, f"{len(tasks)} tasks, {len(entries)} sums, {len(wrong)} not {dtype}")
    base = text_field(data, "base", str(path), BadState)
    found.refuse_edited()
    return State(path, options, dtype, base, tasks, found.root, found.tensors)


def refuse_damaged(state: State, progress: Progress = silent) -> None:
    """Read the whole sum, and refuse it if it is not what was written.

    Raises:
        BadState: naming the file.
    """
    refuse_other_root(state.path, state.sums, state.root, progress)


def refuse_other_base(state: State, base: Checkpoint) -> None:
    """Refuse a base that is not the one the state began with.

    Raises:
        BadState: with both digests.
    """
    if base.digest != state.base:
        raise BadState(
            f"{state.path} is a state on the base {state.base[:12]}…, but {base.folder} has the "
            f"digest {base.digest[:12]}…. Pass the base with which it began."
        )
    fits = state.sums is None or all(
        name in base.weights.entries and base.weights.entries[name].shape == each.shape
        for name, each in state.sums.entries.items()
    )
    if not fits:
        raise damaged(state.path, "it holds sums of tensors that its base does not have")
    if state.sums and statistics_among(state.sums.entries):
        raise BadState(f"{state.path} sums variances of batch normalization. Begin a new state.")


def add_task(
    state: State,
    base: Checkpoint,
    checkpoint: Checkpoint,
    name: str,
    progress: Progress = silent,
    first: Callable[[State], object] | None = None,
) -> State:
    """Let one more task arrive; reads only the base, the state and the newcomer.

    The file is replaced in one step, and stays as it was if anything fails. Several tensors may
    be in work at a time, one per thread, each of which needs its sum, its delta and, for a
    matrix, a few squares of its smaller side.

    Args:
        state: as opened last.
        base: of the state.
        checkpoint: of the task.
        name: of the task.
        progress: told the share of the work done; raising in it stops it.
        first: shown the new state before it takes the place of the old one; what it raises
            leaves the old one as it was.

    Returns:
        The state with the task.

    Raises:
        BadState: the state is damaged, of another base or was changed meanwhile; the checkpoint
            or name is in it already, changes nothing, or needs another compute dtype.
        StudioError: the checkpoint cannot be read or does not fit the base.
    """
    name = task_name(name, "The newcomer", BadState)
    refuse_other_base(state, base)
    deltas = Deltas(base, [(name, checkpoint)])
    _refuse_newcomer(state, deltas)
    size = base.weights.entries
    need = sum(each.numel for each in size.values()) * state.dtype.itemsize
    with replaced_file(state.path, need) as work:
        if open_state(state.path).plain() != state.plain():
            raise BadState(f"{state.path} was changed meanwhile; open it again.")
        refuse_damaged(state, part(progress, 0.0, 0.1))
        found = gram(deltas, progress=part(progress, 0.1, 0.3))
        (norm,) = norms(found, torch.ones(len(deltas.names), 1, dtype=torch.float64))
        if norm == 0.0:
            raise BadState(f"'{name}' is equal to the base in every shared tensor; leave it out.")
        more = State(
            state.path, state.options, state.dtype, state.base,
            (*state.tasks, Arrived(name, checkpoint.digest, norm)), UNSEALED, None,
        )  # fmt: skip
        held = state.sums.entries if state.sums else {}
        names = {*held, *deltas.names}
        layout = {each: (state.dtype, size[each].shape) for each in sorted(names)}

        def values(each: str) -> Iterator[Tensor]:
            yield _sum(state, deltas, each).view(-1)

        write_sealed(work, _KEY, more.plain(), layout, values, part(progress, 0.3, 1.0))
        if first is not None:
            first(open_state(work))
    return open_state(state.path)


def _sum(state: State, deltas: Deltas, name: str) -> Tensor:
    """The running sum of one tensor with the newcomer's delta."""
    total = state.total(name)
    if name not in deltas.names:
        assert total is not None
        return total
    newcomer = deltas.at(name)
    if total is None and state.tasks:
        total = torch.zeros(newcomer.shape, dtype=state.dtype)
    return state.method.take_in(total, newcomer, state.dtype)


def refuse_unsummed(deltas: Deltas) -> None:
    """Refuse one task's checkpoint if a sum per tensor of the base does not hold what it changes.

    Raises:
        BadState: it has trained a tied tensor apart, or changes running statistics.
    """
    (name,), (checkpoint,) = deltas.tasks, deltas.checkpoints
    if twins := {twin for join in deltas.joins for twin in join.twins}:
        raise BadState(
            f"'{name}' ({checkpoint.folder}) has trained {', '.join(sorted(twins))} apart from "
            "what the base ties it to, and a state keeps one sum for both. Merge it by a recipe, "
            "which holds both."
        )
    mixed = {each: deltas.statistic(each, (1.0,)) for each in deltas.statistics}
    if moved := [n for n, own in mixed.items() if not own.equal(deltas.base.tensor(n).double())]:
        raise BadState(
            f"'{name}' ({checkpoint.folder}) changes {len(moved)} running statistics, first "
            f"{moved[0]}; a state keeps sums, and they have none. Merge it by a recipe."
        )


def _refuse_newcomer(state: State, deltas: Deltas) -> None:
    (name,), (checkpoint,) = deltas.tasks, deltas.checkpoints
    for number, task in enumerate(state.tasks, 1):
        if task.digest == checkpoint.digest:
            raise BadState(
                f"'{name}' is in {state.path} already: task {number}, '{task.name}', has the same "
                f"digest {task.digest[:12]}…. A checkpoint arrives once."
            )
        if task.name == name:
            raise BadState(
                f"{state.path} has a task '{name}' already, with the digest {task.digest[:12]}…; "
                "give the newcomer another name."
            )
    refuse_unsummed(deltas)
    if deltas.dtype != state.dtype:
        raise BadState(
            f"'{name}' ({checkpoint.folder}) holds float64 tensors, but {state.path} computes in "
            "float32, as its base does. Save the checkpoint in float32, or begin with a base in "
            "float64."
        )


def _tasks(path: Path, listed: object) -> tuple[Arrived, ...]:
    if not isinstance(listed, list):
        raise damaged(path, f"its tasks are {listed!r}")
    found: dict[str, Arrived] = {}
    for number, entry in enumerate(listed, 1):
        where = f"{path}: task {number}"
        entry = mapping(entry, where, BadState)
        only_keys(entry, _TASK_KEYS, where, BadState)
        name, digest, written = (text_field(entry, key, where, BadState) for key in _TASK_KEYS)
        try:
            norm = float.fromhex(written)
        except (ValueError, OverflowError):
            norm = 0.0
        if not _DIGEST.fullmatch(digest):
            raise damaged(path, f"task {number} has the digest {digest[:64]!r}")
        if not 0.0 < norm < float("inf") or name in found:
            raise damaged(path, f"task {number}, '{name}', has the norm {written}, or comes twice")
        found[name] = Arrived(task_name(name, where, BadState), digest, norm)
    return tuple(found.values())
