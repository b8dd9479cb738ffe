"""A state of sums: one file of whole numbers that takes tasks in and lets them go, exactly."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.architecture import turned
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.statistics import statistics_among
from studio.checkpoints.stored import Entry
from studio.checkpoints.vectors import pieces
from studio.checkpoints.writer import Layout
from studio.disk.files import mapping, only_keys, text_field
from studio.disk.folders import refuse_existing, replaced_file
from studio.errors import BadRecipe, BadState, NotFinite
from studio.geometry.fixed_point import exponent_of
from studio.methods import method_type
from studio.methods.additive import KINDS, Additive, Place
from studio.methods.contract import Method, make
from studio.progress import Meter, Progress, silent
from studio.recipe import Option
from studio.sequence.members import Member, members_of
from studio.sequence.sealed import UNSEALED, Sealed, damaged, open_sealed, write_sealed

VERSION = 1
KEY = "mdm-oc-studio sums"
MOST_COARSER = 60
_KEYS = ("version", "method", "options", "base", "coarser", "scales", "counts", "tasks")
_WHAT, _AGAIN = "a state of sums", "begin one with a method whose sums are additive"


@dataclass(frozen=True, eq=False)
class SumState:
    """What an additive method needs to know of all its tasks, and nothing else of them.

    Two states of the same base, method, options and units with the same tasks are the same bytes,
    whatever came or went in between, in whatever order.

    Attributes:
        path: of the file.
        name: of the method.
        options: of the method.
        base: digest of the base.
        coarser: powers of two by which all units are coarser than the method's own.
        scales: exponent of the base's largest number, by tensor.
        counts: how many tasks have a term in a sum, by the sum's name.
        tasks: in the order of their names.
        root: weights root of the sums.
        sums: int64, by the names in ``counts``.
    """

    path: Path
    name: str
    options: Mapping[str, Option]
    base: str
    coarser: int
    scales: Mapping[str, int]
    counts: Mapping[str, int]
    tasks: tuple[Member, ...]
    root: str = UNSEALED
    sums: Sealed | None = None

    undone_by: ClassVar[str] = "Let it leave the state first, by its receipt or its checkpoint."
    """What to do about a task that must not be in it."""

    @cached_property
    def method(self) -> Method:
        """With the state's options."""
        return make(method_type(self.name), self.options)

    @cached_property
    def additive(self) -> Additive:
        """How its sums are made and read."""
        return self.method.additive

    @property
    def entries(self) -> dict[str, Entry]:
        """Of its sums."""
        return self.sums.entries if self.sums else {}

    @property
    def settings(self) -> dict:
        """What two states must share for a term of one to be one of the other."""
        scales = json.dumps(dict(sorted(self.scales.items())))
        return {
            "method": self.name, "options": dict(sorted(self.options.items())), "base": self.base,
            "coarser": self.coarser, "scales": hashlib.sha256(scales.encode()).hexdigest(),
        }  # fmt: skip

    def plain(self) -> dict:
        """What the file says of itself."""
        return {
            "version": VERSION,
            **self.settings,
            "scales": dict(sorted(self.scales.items())),
            "counts": dict(sorted(self.counts.items())),
            "tasks": [task.plain() for task in self.tasks],
        }

    def unit(self, term: str) -> int:
        """Exponent of the unit of a sum."""
        kind, _, name = term.partition("/")
        return self.additive.units(self.scales[name], self.coarser)[kind]

    def total(self, term: str) -> Tensor | None:
        """A sum, flat int64 in memory of its own; None if no task has a term in it."""
        found = self.sums.stored(term) if self.sums else None
        return None if found is None else found[:]

    def member(self, name: str) -> Member:
        """A task that is in it.

        Raises:
            BadState: it is not; says who is.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        held = ", ".join(f"'{task.name}'" for task in self.tasks) or "no task"
        raise BadState(f"'{name}' is not in {self.path}, which holds {held}.")

    def place(self, base: Checkpoint, name: str) -> Place:
        """A tensor as the method's sums lay it out."""
        as_inputs = self.additive.measured and bool(turned(base, name))
        return Place(name, base.weights.entries[name].shape, as_inputs)

    def refuse_damaged(self, progress: Progress = silent) -> None:
        """Read all sums, and refuse them if they are not what was written.

        Raises:
            BadState: naming the file.
        """
        if self.sums:
            self.sums.refuse_damaged(progress)

    def refuse_other_base(self, base: Checkpoint) -> None:
        """Refuse a base that is not the one the state began with.

        Raises:
            BadState: with both digests.
        """
        if base.digest != self.base:
            raise BadState(
                f"{self.path} is a state on the base {self.base[:12]}…, but {base.folder} has the "
                f"digest {base.digest[:12]}…. Pass the base with which it began."
            )
        known = base.weights.entries
        for term, entry in self.entries.items():
            kind, _, name = term.partition("/")
            place = self.place(base, name) if name in known and name in self.scales else None
            if place is None or not fits(kind, place, entry.shape):
                shape = f"{term} as {entry.shape}"
                raise damaged(self.path, f"it holds {shape}, which its base does not have")


def fits(kind: str, place: Place, shape: tuple[int, ...]) -> bool:
    """Whether a sum has a shape that a tensor of the base can have, see ``Sums``."""
    if kind == KINDS[0]:
        return shape == place.shape
    rows, columns = place.matrix
    inputs, outputs = (rows, columns) if place.turned else (columns, rows)
    groups = shape[0] if len(shape) == 3 else 0
    other = inputs if kind == KINDS[1] else (outputs // groups if groups else 0)
    whole = groups > 0 and outputs % groups == 0
    return whole and shape == (groups, inputs, other)


def init_sums(
    base: Checkpoint, path: Path, name: str, options: Mapping[str, Option], coarser: int = 0,
    progress: Progress = silent,
) -> SumState:  # fmt: skip
    """Begin a state: a new file without tasks, whose units follow from the base alone.

    Args:
        base: on which all checkpoints were trained; read whole once.
        path: of a file that does not exist, in a folder that does.
        name: of a method whose sums are additive.
        options: of the method.
        coarser: powers of two by which all units are coarser (finer, if below 0) than usual.
        progress: told the share of the base read; raising in it stops it.

    Raises:
        OutputExists: there is a file already.
        BadRecipe: the method or an option is unknown, or its sums are not additive.
        BadState: the base is an adapter, or ``coarser`` is out of range.
        NotFinite: the base holds NaN or infinity.
    """
    _ = make(method_type(name), options).additive
    if not -MOST_COARSER <= coarser <= MOST_COARSER:
        raise BadState(
            f"The units cannot be coarser by {coarser} powers of two; choose from {-MOST_COARSER} "
            f"to {MOST_COARSER}."
        )
    if base.adapter is not None:
        raise BadState(f"The base {base.folder} is an adapter; it must be a full model.")
    refuse_existing(path)
    scales = _scales(base, progress)
    state = SumState(path, name, dict(options), base.digest, coarser, scales, {}, ())
    with replaced_file(path) as work:
        refuse_existing(path)
        write_sealed(work, KEY, state.plain(), {}, lambda each: iter(()))
    return open_sums(path)


def _scales(base: Checkpoint, progress: Progress) -> dict[str, int]:
    """Exponents of the largest numbers of all tensors that a task may change."""
    entries, still = base.weights.entries, statistics_among(base.names)
    names = [name for name, each in entries.items() if each.floating and name not in still]
    meter = Meter(sum(entries[name].size for name in names), progress)
    found = {}
    for name in names:
        stored, largest = base.weights.stored(name), 0.0
        for start, stop in pieces(stored.numel()) if stored.numel() else ():
            piece = stored[start:stop]
            largest = max(largest, float(piece.abs().max()) if piece.isfinite().all() else math.inf)
            meter.add(piece.nbytes, f"read: {name}")
        if math.isinf(largest):
            raise NotFinite(
                f"{entries[name].file}: {name} holds values that are NaN or infinite. The base is "
                "damaged; save or download it again."
            )
        found[name] = exponent_of(largest)
    return found


def open_sums(path: Path) -> SumState:
    """Read a state's header; the sums are read when they are asked for.

    Raises:
        BadCheckpoint: it is no safetensors file, or is cut off.
        BadState: it is of another kind or version, or says what cannot be.
    """
    found = open_sealed(path, KEY, VERSION, _WHAT, _AGAIN)
    data, where = found.said, str(path)
    only_keys(data, _KEYS, where, BadState)
    found.refuse_edited()
    name, base = (text_field(data, key, where, BadState) for key in ("method", "base"))
    options = mapping(data.get("options"), f"{path}: options", BadState)
    scales = _whole(path, data.get("scales"), "scales", -1100, 1100)
    tasks = members_of(path, data.get("tasks"))
    counts = _whole(path, data.get("counts"), "counts", 1, len(tasks))
    coarser = data.get("coarser")
    if type(coarser) is not int or abs(coarser) > MOST_COARSER:
        raise damaged(path, f"its units are coarser by {coarser!r}")
    state = SumState(
        path, name, options, base, coarser, scales, counts, tasks, found.root, found
    )  # fmt: skip
    try:
        _ = state.additive
    except BadRecipe as problem:
        raise damaged(path, str(problem)) from None
    _refuse_sums(state, found)
    return state


def _refuse_sums(state: SumState, found: Sealed) -> None:
    """Refuse sums that are not those of the counts, or no whole numbers."""
    held = found.entries
    wrong = [term for term, each in held.items() if each.dtype != torch.int64]
    if wrong or {*held} != {*state.counts}:
        raise damaged(
            state.path,
            f"it counts {len(state.counts)} sums and holds {len(held)}, {len(wrong)} of them not "
            "of whole numbers",
        )
    for term in held:
        kind, _, name = term.partition("/")
        if kind not in KINDS or name not in state.scales:
            raise damaged(state.path, f"it holds {term[:100]}, which is no sum of its method")


def _whole(path: Path, data: object, what: str, low: int, high: int) -> dict[str, int]:
    found = mapping(data, f"{path}: {what}", BadState)
    for name, value in found.items():
        if type(value) is not int or not low <= value <= high:
            raise damaged(path, f"its {what} have {name[:100]}: {value!r}")
    return found


def changed(state: SumState, tasks: tuple[Member, ...], counts: Mapping[str, int]) -> SumState:
    """What a state says of itself with other tasks."""
    ordered = tuple(sorted(tasks, key=lambda task: task.name))
    return replace(state, tasks=ordered, counts=counts, root=UNSEALED, sums=None)


def sum_layout(shapes: Mapping[str, tuple[int, ...]]) -> Layout:
    """Dtype and shape of sums or terms, in the order of their names."""
    return {term: (torch.int64, shapes[term]) for term in sorted(shapes)}
