"""Residue: how far an unmerged model is from one that never had the task, weight by weight."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studio.checkpoints.stored import Entry
from studio.checkpoints.vectors import Room
from studio.component import component_at
from studio.geometry.scopes import layer_of
from studio.merge import Merge, written_pieces
from studio.progress import Meter, Progress, silent

_PIECE = 2**18
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_STEPS = (1, 2, 16, 256, 4096, 2**16, 2**24, 2**63)  # upper ends of the histogram's classes


@dataclass
class LayerResidue:
    """Squared norms of one layer: of the residue, and of the never-merged model's change."""

    residue: float = 0.0
    change: float = 0.0

    @property
    def relative(self) -> float | None:
        """‖θ − θ_never‖ / ‖θ_never − θ_base‖; None where nothing was changed."""
        return math.sqrt(self.residue / self.change) if self.change else None


@dataclass
class Residue:
    """An unmerged model θ against θ_never, of the model that never had the task.

    Attributes:
        weights: numbers compared.
        differing: of them that are not the same bits.
        largest_step: most representable numbers between two that differ (units in the last place).
        histogram: {upper end: weights that differ by at most so many steps, and more than the one
            before}.
        layers: by layer.
        along: inner product of the residue with the removed task's component, and that
            component's squared norm.
    """

    weights: int = 0
    differing: int = 0
    largest_step: int = 0
    histogram: dict[int, int] = field(default_factory=dict)
    layers: dict[str, LayerResidue] = field(default_factory=dict)
    along: tuple[float, float] = (0.0, 0.0)

    @property
    def norm(self) -> float:
        """‖θ − θ_never‖."""
        return math.sqrt(sum(layer.residue for layer in self.layers.values()))

    @property
    def relative(self) -> float | None:
        """‖θ − θ_never‖ / ‖θ_never − θ_base‖; None if nothing is left to compare with."""
        change = sum(layer.change for layer in self.layers.values())
        return self.norm / math.sqrt(change) if change else None

    @property
    def cosine(self) -> float | None:
        """Cosine between the residue and the removed task's component; None without either."""
        inner, square = self.along
        lengths = self.norm * math.sqrt(square)
        return inner / lengths if lengths else None


def residue(
    merge: Merge, never: Merge, full: Merge, removed: str | None, progress: Progress = silent
) -> Residue:
    """Compare two merges on one base as they would be written, piece by piece.

    Args:
        merge: after the unmerge.
        never: of the recipe without the task.
        full: before the unmerge.
        removed: the task whose component in ``full`` the residue is compared with; None if
            several tasks were removed.
        progress: told the share done.
    """
    entries = {**never.base.weights.entries, **merge.base.weights.entries}
    changed = {*merge.changed, *never.changed, *full.changed, *merge.union.heights}
    names = sorted(changed & entries.keys())  # what only the full model unties is in neither
    for each in (merge, never, full):
        each.prepare()
    found, meter = Residue(), Meter(sum(_written(merge, never, n) for n in names), progress)
    for name in names:
        component = component_at(full, removed, name) if removed in _holding(full, name) else None
        layer = found.layers.setdefault(layer_of(name), LayerResidue())
        for start, ours, theirs, base in _side_by_side(merge, never, name):
            _count(found, ours, theirs)
            if base is not None:
                difference = ours.double() - theirs.double()
                change = theirs.double() - base.double()
                layer.residue += float(difference.dot(difference))
                layer.change += float(change.dot(change))
                if component is not None:
                    along = component[start : start + len(difference)].double()
                    inner, square = float(difference.dot(along)), float(along.dot(along))
                    found.along = (found.along[0] + inner, found.along[1] + square)
            meter.add(len(ours), f"compared: {name}")
    return found


def residue_tensor(merge: Merge, never: Merge, name: str) -> Tensor:
    """θ_never − θ of one tensor as written, flat in the compute dtype: what an insider can form.

    Of rows that the base has; tokens that were taken out leave none behind.
    """
    holder = merge if name in merge.base.weights.entries else never
    parts = [theirs.to(merge.compute_dtype) - ours.to(merge.compute_dtype)
             for _, ours, theirs, _ in _side_by_side(merge, never, name)]  # fmt: skip
    return torch.cat(parts)[: holder.base.weights.entries[name].numel]


def _written(merge: Merge, never: Merge, name: str) -> int:
    """Elements of a tensor as it is written."""
    holder = merge if name in merge.base.weights.entries else never
    return math.prod(holder.union.shape(name))


def _holding(full: Merge, name: str) -> tuple[str, ...]:
    """The tasks that have a component in a tensor."""
    none = not full.method.has_components or name not in full.deltas.names
    return () if none else full.deltas.tasks


def _side_by_side(
    merge: Merge, never: Merge, name: str
) -> Iterator[tuple[int, Tensor, Tensor, Tensor | None]]:
    """Start, both models' elements and the base's, piece by piece.

    Of integers, and of rows that the base does not have, the third is None.
    """
    holder = merge if name in merge.base.weights.entries else never
    stored, room = holder.base.weights.stored(name), Room()
    start = 0
    both = (
        written_pieces(each, _standing_for(each, name, stored.entry), _PIECE)
        for each in (merge, never)
    )
    for ours, theirs in zip(*both, strict=True):
        base, stop = None, start + len(ours)
        if stored.dtype.is_floating_point and stop <= stored.numel():
            base = stored.read(start, stop, room.take("base", stop - start, stored.dtype))
        yield start, ours, theirs, base
        start = stop


def _standing_for(merge: Merge, name: str, entry: Entry) -> str:
    """A tensor's name in a merge; where the merge has it tied, that of what it is tied to."""
    entries = merge.base.weights.entries
    if name in entries:
        return name
    return next(other for other, each in entries.items() if each == entry)


def _count(found: Residue, ours: Tensor, theirs: Tensor) -> None:
    found.weights += len(ours)
    if not ours.is_floating_point() or torch.equal(_bits(ours), _bits(theirs)):
        found.differing += int((ours != theirs).sum()) if not ours.is_floating_point() else 0
        return
    steps = (_ordered(ours) - _ordered(theirs)).abs()
    apart = _bits(ours) != _bits(theirs)
    found.differing += int(apart.sum())
    found.largest_step = max(found.largest_step, int(steps.max()))
    below = 0
    for end in _STEPS:
        inside = int((apart & (steps <= end)).sum()) if end < 2**63 else int(apart.sum())
        found.histogram[end] = found.histogram.get(end, 0) + inside - below
        below = inside


def _bits(values: Tensor) -> Tensor:
    return values.view(_BITS[values.dtype.itemsize])


def _ordered(values: Tensor) -> Tensor:
    """Whole numbers that count the representable numbers in order, both zeros as 0."""
    bits = _bits(values).long()
    lowest = -(2 ** (8 * values.dtype.itemsize - 1))
    return torch.where(bits < 0, lowest - bits, bits)
