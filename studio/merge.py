"""A merge: from a recipe to merged tensors, streamed piece by piece."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from studio.checkpoints.casting import Watch, cast, whole_pieces
from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.checkpoints.deltas import AnyDeltas, Deltas
from studio.checkpoints.quantized import base_notes
from studio.checkpoints.token_union import TokenUnion, token_union
from studio.checkpoints.vectors import Room, add_weighted, pieces
from studio.errors import BadCheckpoint, BadRecipe, Findings, Remedy
from studio.geometry.gram import Gram, gram
from studio.geometry.orthogonal import Basis
from studio.methods import method
from studio.methods.after import deepened, parted
from studio.methods.contract import Given, Measured, Method, mixing
from studio.methods.kit.coefficients import coefficients
from studio.methods.kit.fitted_tensors import FittedTensors, Fitting
from studio.methods.kit.refitted_heads import RefittedHeads, Refitting
from studio.methods.kit.running_statistics import RunningStatistics
from studio.parallel import SMALL, in_order
from studio.recipe import UNION, Recipe

Made = TypeVar("Made")
PIECE = 2**18  # elements at a time; the work is elementwise, so no cut changes a bit


class Recall(Protocol):
    """Recalls what was made for a key, or makes it."""

    def __call__(self, key: object, make: Callable[[], Made]) -> Made:
        """What belongs to the key."""
        ...


@dataclass(frozen=True)
class Merge:
    """A recipe with its checkpoints opened; everything else is computed from it on demand.

    Attributes:
        recipe: what to merge.
        deltas: of the recipe's tasks, in its order.
        known: recalls (or computes) a Gram that holds these tasks among others.
        recall: recalls vectors and bases by what they depend on, or makes them.
        recorded: ``(T, n)`` a mixing that was written down, in the place of the recipe's own.
        measured: what a kind of statistic is for so many rows per task, see ``Method.measures``.
        recalibrate: measures running statistics, where the recipe asks for them.
        calibrate, refit: fit the merged model, then heads, to its experts, where that is asked.
    """

    recipe: Recipe
    deltas: Deltas
    known: Callable[[], Gram] | None = None
    recall: Recall | None = None
    recorded: Tensor | None = None
    measured: Callable[[str, int], Measured] | None = None
    recalibrate: Callable[["Merge"], Mapping[str, Tensor]] | None = None
    calibrate: Callable[["Merge"], Fitting] | None = None
    refit: Callable[["Merge"], Refitting] | None = None

    @property
    def base(self) -> Checkpoint:
        """The base, laid out as the merge is written."""
        return self.deltas.base

    @cached_property
    def gram(self) -> Gram:
        """Inner products of the raw deltas (one pass over all of them, unless known)."""
        if self.known is not None:
            return self.known().subset(self.deltas.tasks, self.deltas.names)
        return gram(self.deltas)

    @cached_property
    def method(self) -> Method:
        """The recipe's method with its options."""
        return method(self.recipe.method, self.recipe.options)

    @cached_property
    def vectors(self) -> AnyDeltas:
        """What is mixed: the raw deltas, or what the method derives from them."""
        if not self.method.derives:
            return self.deltas
        given = self.given  # may take minutes, so it is there before anything is locked

        def make() -> AnyDeltas:
            return self.method.vectors(given)

        seed = self.recipe.seed if self.method.draws else 0
        key = ("vectors", self.method.unscaled, self.deltas.tasks, self._weights, seed)
        return self.recall(key, make) if self.recall else make()

    @cached_property
    def basis(self) -> Basis:
        """The method's components, in the vectors."""

        def make() -> Basis:
            made = self.method.components(len(self.deltas), self._grams)
            return replace(made, rows=self._deepened(made.rows), made_of=self.deltas.sources)

        key = ("basis", self.method, (*self.after.items(),), self.deltas.tasks, self._weights)
        return self.recall(key, make) if self.recall else make()

    @cached_property
    def coefficients(self) -> Tensor:
        """``(T, n)`` float64 coefficients of the components."""
        return coefficients(self.recipe, self.deltas, self.method.default_coefficient)

    @cached_property
    def mixing(self) -> Tensor:
        """``(T, n)`` float64 coefficients of the vectors."""
        if self.recorded is not None:
            return self.recorded
        if not self.method.has_components:
            factor = self.method.factor(self.given, self.vectors)
            whole = torch.full((len(self.deltas.names), 1), factor, dtype=torch.float64)
            return self._deepened(whole)
        return mixing(self.coefficients, self.basis)

    @cached_property
    def after(self) -> dict[str, float]:
        """What is done after the method, see ``after.AFTER``."""
        return parted(self.recipe.options)[1]

    def _deepened(self, numbers: Tensor) -> Tensor:
        """Numbers per tensor with depth weighed, if the recipe asks for it."""
        return deepened(numbers, self.after, self.deltas.names, self.base.names)

    @property
    def numbers(self) -> Tensor:
        """``(T, n)`` how each task enters: its vector's mixing, or else its coefficient."""
        return self.coefficients if self.vectors.combined else self.mixing

    @property
    def given(self) -> Given:
        """What the method's vectors are derived from."""
        seed, measured = self.recipe.seed, self._measured
        return Given(self.deltas, self.coefficients, lambda: self.gram, seed, measured)

    @cached_property
    def _measured(self) -> Measured | None:
        """What the method needs to know of validation rows."""
        if not self.method.measures:
            return None
        if self.measured is None:
            raise BadRecipe(
                f"{self.method.title} measures every expert on its own validation rows, and a "
                "recipe names none.",
                Remedy.GIVE_ROWS,
            )
        return self.measured(self.method.measures, self.method.measured_rows)

    @property
    def _weights(self) -> object:
        """The coefficients, if what is derived from the deltas depends on them."""
        return tuple(map(tuple, self.coefficients.tolist())) if self.method.weighs else ()

    def _grams(self, rows: Tensor | None = None) -> Gram:
        """See ``Grams``: of the vectors."""
        if rows is None and not self.method.derives:
            return self.gram
        return gram(self.vectors, rows)

    def residual(self, components: Gram) -> float:
        """Largest cosine between two streamed components, where they are meant to be orthogonal."""
        names = self.method.orthogonal_in(self.deltas)
        if len(names) == len(components.names):
            return self.basis.residual(components)
        return self.basis.residual(components.subset(components.tasks, names))

    def prepare(self) -> None:
        """Compute what all tensors need, before several threads ask for it."""
        _ = self.mixing, self.vectors
        self.statistics.prepare()
        _ = self.fitted.tensors

    @cached_property
    def fitted(self) -> FittedTensors:
        """What a calibration puts in the place of merged tensors, if the recipe asks for one."""
        return FittedTensors(self.recipe, partial(self.calibrate, self) if self.calibrate else None)

    @cached_property
    def heads(self) -> RefittedHeads:
        """The heads that belong to it, if the recipe asks for others than the experts' own."""
        return RefittedHeads(self.recipe, partial(self.refit, self) if self.refit else None)

    @cached_property
    def statistics(self) -> RunningStatistics:
        """Running statistics of batch normalization, which are no weights."""
        measure = partial(self.recalibrate, self) if self.recalibrate else None
        default = self.method.default_coefficient
        return RunningStatistics(self.deltas, self.recipe, default, measure)

    @cached_property
    def union(self) -> TokenUnion:
        """Rows of tokens that an export has beside the base's, if the recipe asks for them."""
        if self.recipe.vocabulary != UNION:
            return TokenUnion(self.deltas)
        used = (self.coefficients != 0).any(0).tolist()
        return token_union(self.deltas, [task for task, each in enumerate(used) if each])

    @property
    def notes(self) -> list[str]:
        """What a user should know of how the checkpoints fit the base, a sentence each."""
        told, deltas = [*base_notes(self.base)], self.deltas
        own = zip(deltas.tasks, deltas.checkpoints, deltas.joins, strict=True)
        for task, checkpoint, join in own:
            told += [f"'{task}': {note}" for note in (*checkpoint.notes, *join.notes)]
        told += [*self.statistics.notes, *self.union.notes]
        return [*told, *self.fitted.notes, *self.heads.notes]

    @property
    def changed(self) -> tuple[str, ...]:
        """Tensors that may differ from the base's: by a delta, or by another output dtype."""
        entries = self.base.weights.entries
        cast = (name for name, entry in entries.items() if self.output_dtype(name) != entry.dtype)
        merged = *self.deltas.names, *self.statistics.names, *self.fitted.tensors
        return tuple(sorted({*merged, *cast}))

    @property
    def compute_dtype(self) -> torch.dtype:
        """The widest of float32, the inputs and the output."""
        wide = self.recipe.dtype == "float64" or self.deltas.dtype == torch.float64
        return torch.float64 if wide else torch.float32

    def output_dtype(self, name: str) -> torch.dtype:
        """Dtype of one merged tensor: the recipe's, else the base's; integers stay integers."""
        entry = self.base.weights.entries[name]
        chosen = self.recipe.dtype if entry.floating else None
        return getattr(torch, chosen) if chosen else entry.dtype


def open_merge(recipe: Recipe, roots: tuple[Path, ...] = ()) -> Merge:
    """Open a recipe's checkpoints; headers are read, and digests where the recipe records them.

    Args:
        recipe: to open.
        roots: folders into which links of the checkpoints' files may lead.

    Raises:
        StudioError: a checkpoint cannot be opened, does not fit the base, or is another one
            than the recipe records; or the method or an option is unknown.
    """
    method(recipe.method, recipe.options)
    wrong = Findings("The recipe")
    base = wrong.tried(lambda: open_base(recipe.base, roots))
    opened = [wrong.tried(partial(open_checkpoint, t.checkpoint, roots)) for t in recipe.tasks]
    wrong.refuse()
    checkpoints = [(t.name, c) for t, c in zip(recipe.tasks, opened, strict=True) if c]
    assert base is not None
    for task, (_, checkpoint) in zip(recipe.tasks, checkpoints, strict=True):
        if task.digest and task.digest != checkpoint.digest:
            raise BadCheckpoint(
                f"'{task.name}': the recipe records digest {task.digest[:12]}…, but "
                f"{checkpoint.folder} has {checkpoint.digest[:12]}…. It was changed or replaced."
            )
    return Merge(recipe, Deltas(base, checkpoints))


def merged_pieces(
    merge: Merge, name: str, size: int = PIECE, place: Tensor | None = None,
    watch: Watch | None = None,
) -> Iterator[Tensor]:  # fmt: skip
    """One merged tensor in flat pieces: base + sum_i mixing_i delta_i (MDM-OC, Eq. 2).

    Per element, tasks are added in the recipe's order with separate multiply and add in the
    compute dtype, and the result is cast once. Running statistics are no sums, see
    ``Merge.statistics``. A piece is valid until the next is asked for.

    Args:
        merge: of the tensor.
        name: of the tensor.
        size: elements of a piece.
        place: flat memory of the compute dtype, in which the sums are formed and stay.
        watch: shown, of every piece that deltas change, the base and the sum in the compute dtype
            and the cast sum; all three are valid until it returns.

    Raises:
        NotFinite: an input holds NaN or infinity, or the result leaves the output's range.
    """
    target, dtype = merge.output_dtype(name), merge.compute_dtype
    if name in merge.statistics.names:
        yield from whole_pieces(merge.deltas, name, merge.statistics.at(name), target, size)
        return
    if name in merge.fitted.tensors:
        whole = merge.fitted.tensors[name]
        yield from whole_pieces(merge.deltas, name, whole, target, size, watch)
        return
    if name not in merge.deltas.names:
        stored = merge.base.weights.stored(name)
        for start, stop in pieces(stored.numel(), size):
            yield cast(merge.deltas, name, stored[start:stop], target)
        return
    tensor, room = merge.vectors.at(name), Room()
    weights = merge.mixing[merge.deltas.names.index(name)].tolist()
    for start, stop in pieces(tensor.numel, size):
        where = room.take("total", stop - start, dtype) if place is None else place[start:stop]
        total = where.copy_(tensor.base_piece(start, stop, dtype, room))
        before = room.take("watched", stop - start, dtype).copy_(total) if watch else None
        add_weighted(total, tensor, weights, start, room)
        made = cast(merge.deltas, name, total, target)
        if watch and before is not None:
            watch(before, total, made)
        yield made


def written_pieces(
    merge: Merge, name: str, size: int = PIECE, watch: Watch | None = None
) -> Iterator[Tensor]:
    """The same with the rows of ``Merge.union``, as an export holds the tensor; see there."""
    merged = merged_pieces(merge, name, size, watch=watch)
    return merge.union.laid(name, merged, merge.output_dtype(name), merge.compute_dtype)


def merged_into(merge: Merge, places: Mapping[str, Tensor]) -> None:
    """Merge tensors into memory that is there: the numbers of an export, in each place's dtype.

    Args:
        merge: of the tensors.
        places: contiguous, by name, each of its tensor's shape; on any device.

    Raises:
        NotFinite: as ``merged_pieces``; the places then hold a part of the merge.
    """
    merge.prepare()

    def fill(name: str) -> None:
        place, at = places[name].view(-1), 0
        within = place if _holds_sums(merge, name, place) else None
        for piece in merged_pieces(merge, name, place=within):
            if within is None:
                place[at : at + len(piece)].copy_(piece)
            at += len(piece)

    largest_first = sorted(places, key=lambda name: -places[name].numel())
    for _ in in_order(fill, largest_first, SMALL):
        pass


def _holds_sums(merge: Merge, name: str, place: Tensor) -> bool:
    """Whether a tensor's sums can be formed where the merged tensor will be."""
    same = place.dtype == merge.compute_dtype == merge.output_dtype(name)
    summed = name in merge.deltas.names and name not in merge.fitted.tensors
    return same and place.device.type == "cpu" and summed
