"""OrthoMerge: rotations of the inputs merged as rotations, and what they leave by another rule."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas, TensorDeltas, not_finite
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.oft import Rotated
from studio.checkpoints.vectors import Room, Vectors, pieces
from studio.device import free_memory
from studio.errors import BadRecipe
from studio.geometry.decoupling import Part, Residual, conflicts, decouple, slices
from studio.geometry.rotation import Turn, TurnSum, merged_skew
from studio.geometry.rotation_report import LayerRotation, energy, largest_angle, sampled
from studio.geometry.spectra import Reduction, triplets
from studio.geometry.subspaces import is_matrix
from studio.methods.contract import Given, option
from studio.methods.kit.singular_bases import SingularBases
from studio.methods.ties import Shares, Ties
from studio.methods.whole import Entries, Whole
from studio.parallel import in_order

_DENSITY = 0.2  # of the residuals' entries that TIES keeps
_PIECE = 2**18
Watch = Callable[[int, Part], None]


@dataclass(frozen=True)
class Formed:
    """The merged change of one tensor and the rotation in it.

    Attributes:
        change: ``(out, in)`` in the compute dtype.
        turns: the merged rotation, one per slice of the inputs.
        correction: largest factor that its mean coordinates were multiplied by.
    """

    change: Tensor
    turns: tuple[Turn, ...]
    correction: float


@dataclass(frozen=True)
class OrthoMerge(Whole):
    """base R + residual_scale (merged residuals) per matrix, with R a merged rotation of inputs.

    Each task's change is the rotation R_i nearest to it and a residual rho_i = W_i - base R_i.
    Rotations are merged in their Cayley coordinates A_i: the direction of sum_i c_i A_i with the
    mean length of the c_i A_i. Residuals c_i rho_i are merged by their mean, by TIES (the 20 %
    largest over the whole model) or by TSV-M. So a coefficient multiplies coordinates and
    residual, not the delta.

    OFT adapters are rotations already: where all tasks that change a tensor are OFT adapters of
    one block size, their coordinates are merged as stored, and a task without the tensor counts
    as the identity. Convolutions count as (out, rest). Vectors and embedding tables are not
    rotated, but by OFT; all of their change is residual.

    Source: Orthogonal Model Merging 2026 (arXiv 2602.05943) and its public code, with null spaces
    completed by the least rotation and determinants repaired; the code's factor 0.2 of five tasks
    is the mean of the residuals.
    """

    name: ClassVar[str] = "orthomerge"
    title: ClassVar[str] = "OrthoMerge"
    plainly: ClassVar[str] = (
        "Turns the base's weights by a mean of the experts' rotations, and adds what no "
        "rotation explains."
    )
    main: ClassVar[str] = "residual_scale"
    default_coefficient: ClassVar[float] = 1.0

    target: str = option(
        "global", "Rotations are fitted to all rows, or only to those that go against the others.",
        label="rows turned", choices=("global", "conflict"),
    )  # fmt: skip
    residuals: str = option(
        "task_arithmetic", "How the rest is joined: as a mean, by votes, or by directions.",
        label="joining the rest", choices=("task_arithmetic", "ties", "tsv_m"),
    )  # fmt: skip
    residual_scale: float = option(
        1.0, "How much is added of the rest.", label="weight of the rest", low=-10.0, high=10.0
    )
    correct_magnitude: bool = option(
        True, "Whether a mean turns as far as single ones did.", label="full turns"
    )
    block: int | None = option(
        None, "How many inputs are turned together in wide layers; empty turns all at once.",
        label="inputs at a time", low=1, whole=True,
    )  # fmt: skip
    norms: str = option("key", "A turn is kept full over a whole matrix, or block by block.",
                        label="where turns are full", choices=("key", "block"))  # fmt: skip

    def vectors(self, given: Given) -> DerivedDeltas:
        """The merged change in the place of the deltas.

        Raises:
            BadRecipe: OFT adapters of two block sizes meet, or a layer is too wide.
        """
        deltas = given.deltas
        for name in deltas.names:
            tensor = deltas.at(name)
            _refuse_two_sizes(tensor, deltas.tasks)
            if not _all_rotated(tensor) and is_matrix(name, tensor.shape):
                _refuse_too_wide(tensor, self.block, deltas.dtype)
        shares = None
        if self.residuals == "ties":
            left = DerivedDeltas(deltas, lambda tensor: self._residuals(tensor, given))
            shares = Ties(density=_DENSITY).vectors(replace(given, deltas=left))
        made = self.transform(given, partial(self._change, shares))
        return DerivedDeltas(deltas, made, combined=True)

    def rotations(self, given: Given) -> list[LayerRotation]:
        """What the rotations of every tensor that has one are, for people.

        The energy is that of the merged rows with residuals merged by their mean or by TSV-M.
        """
        names = [
            name for name in given.deltas.names
            if _all_rotated(given.deltas.at(name)) or is_matrix(name, given.deltas.at(name).shape)
        ]  # fmt: skip
        return list(in_order(partial(self._rotation, given), names))

    def _change(self, shares: DerivedDeltas | None, entries: Entries, given: Given) -> Tensor:
        left = shares.at(entries.name) if shares else None
        assert left is None or isinstance(left, Shares), "residuals are merged by TIES"
        if _all_rotated(entries.tensor):
            return self._turned(entries).change
        if not entries.is_matrix:
            change = entries.mean() if left is None else _mixed(left, entries)
            return change.mul_(self.residual_scale)
        return self._formed(entries, given, left).change

    def _formed(
        self,
        entries: Entries,
        given: Given,
        shares: Shares | None = None,
        watch: Watch | None = None,
    ) -> Formed:
        """A matrix merged by decoupling; the watch is shown every task's part."""
        tensor = shares.raw if shares else self._residuals(entries.tensor, given)
        parts = slices(entries.shape[1], self.block)
        sums = TurnSum(entries.shape[0], [part.stop - part.start for part in parts], len(entries))

        def residuals() -> Iterator[Tensor]:
            for task, source in enumerate(tensor.compact):
                weight = entries.weights[task]
                if isinstance(source, Residual) and weight != 0.0:
                    made = source.part if shares else source.make()
                    sums.add(made.turns, weight)
                    if watch:
                        watch(task, made)
                    yield made.residual if shares else made.residual.mul_(weight)

        if shares:
            for _ in residuals():
                pass
            change = _mixed(shares, entries)
        else:
            merge = _tsv_m if self.residuals == "tsv_m" else _mean
            change = merge(residuals(), entries)
        change.mul_(self.residual_scale)
        if not len(sums):
            return Formed(change, (), 1.0)
        per_block = self.norms == "block"
        turns, correction = sums.merged(len(entries), per_block, self.correct_magnitude)
        base = entries.base()
        for part, turn in zip(parts, turns, strict=True):
            change[:, part] += turn.change(base[:, part])
        return Formed(change, turns, correction)

    def _residuals(self, tensor: Vectors, given: Given) -> Vectors:
        """What the rotations leave of every delta of a tensor, made when it is asked for."""
        if _all_rotated(tensor):
            out, width = tensor.shape
            nothing = Factors(torch.zeros(out, 1), torch.zeros(1, width), 1.0)
            sources = tuple(nothing if present else None for present in tensor.present)
            return TensorDeltas(tensor.name, tensor.shape, tensor.base, sources)
        if not is_matrix(tensor.name, tensor.shape):
            return tensor
        entries = Entries(tensor, given.weights(tensor.name), given.deltas.dtype)
        together = cache(entries.sum) if self.target == "conflict" else None

        def make(task: int) -> Part:
            delta = replace(entries, weights=[1.0] * len(entries)).delta(task)
            assert delta is not None
            base = entries.base()
            if not bool((base.sum() + delta.sum()).isfinite()):
                raise not_finite(given.deltas, tensor.name)
            against = together and conflicts(delta * entries.weights[task], together())
            return decouple(base, delta, against, slices(entries.shape[1], self.block))

        sources = tuple(
            Residual(partial(make, task)) if present else None
            for task, present in enumerate(tensor.present)
        )
        return TensorDeltas(tensor.name, entries.shape, tensor.base, sources)

    def _turned(self, entries: Entries) -> Formed:
        """A tensor that only OFT adapters change, merged in their own coordinates."""
        found = [each if isinstance(each, Rotated) else None for each in entries.tensor.compact]
        first = next(each for each in found if each)
        nothing = torch.zeros_like(first.skew)
        skews = [nothing if each is None else each.skew for each in found]
        per_block = self.norms == "block"
        skew, correction = merged_skew(skews, entries.weights, per_block, self.correct_magnitude)
        maps = {each.terms for each in found if each}
        made = Rotated(first.base, skew, maps.pop() if len(maps) == 1 else None)
        change = made.rows(0, entries.shape[0], entries.dtype)
        return Formed(change, tuple(map(Turn, skew)), correction)

    def _rotation(self, given: Given, name: str) -> LayerRotation:
        entries = Entries(given.deltas.at(name), given.weights(name), given.deltas.dtype)
        angles: list[float | None] = [None] * len(entries)
        shares: list[float | None] = [None] * len(entries)

        def watch(task: int, part: Part) -> None:
            angles[task] = largest_angle(part.turns)
            left = float(part.residual.double().norm())
            whole = entries.delta(task)
            norm = (
                0.0 if whole is None else float(whole.double().norm()) / abs(entries.weights[task])
            )
            shares[task] = left / norm if norm else 0.0

        if _all_rotated(entries.tensor):
            for task, source in enumerate(entries.tensor.compact):
                if isinstance(source, Rotated):
                    angles[task], shares[task] = largest_angle([*map(Turn, source.skew)]), 0.0
            formed = self._turned(entries)
        else:
            plain = (
                self if self.residuals == "tsv_m" else replace(self, residuals="task_arithmetic")
            )
            formed = plain._formed(entries, given, watch=watch)
        rows = sampled(entries.shape[0])
        before = entries.base()[rows]
        after = before + self.scale * formed.change[rows]
        return LayerRotation(
            name, tuple(angles), tuple(shares), largest_angle(formed.turns), formed.correction,
            energy(before), energy(after), len(rows),
        )  # fmt: skip


def _all_rotated(tensor: Vectors) -> bool:
    """Whether OFT adapters, and nothing else, change a tensor."""
    return tensor.present == tuple(isinstance(each, Rotated) for each in tensor.compact)


def _refuse_two_sizes(tensor: Vectors, tasks: tuple[str, ...]) -> None:
    if not _all_rotated(tensor):
        return
    sizes = {
        source.block_size: task
        for task, source in zip(tasks, tensor.compact, strict=True)
        if isinstance(source, Rotated)
    }
    if len(sizes) > 1:
        (one, first), (other, second) = sorted(sizes.items())[:2]
        raise BadRecipe(
            f"orthomerge: '{first}' turns {tensor.name} in OFT blocks of {one} inputs, '{second}' "
            f"in blocks of {other}; coordinates of different blocks cannot be added. Merge "
            "adapters of one block size, or another way, such as task_arithmetic."
        )


def _refuse_too_wide(tensor: Vectors, block: int | None, dtype: torch.dtype) -> None:
    """Refuse a matrix whose rotation, so many inputs at a time, does not fit into memory.

    Raises:
        BadRecipe: naming the bytes needed and free, and the option that needs less.
    """
    out, width = tensor.shape[0], tensor.numel // tensor.shape[0]
    size = min(block or width, width)
    need = _bytes_to_rotate(out, size, len(tensor.present)) + 4 * dtype.itemsize * tensor.numel
    if need > (free := free_memory()):
        raise BadRecipe(
            f"orthomerge needs about {need:,} bytes to rotate {tensor.name} {tensor.shape}, "
            f"but only {free:,} are free. Give the option block, such as {_offer(size)}, which "
            "rotates so many inputs at a time, or use a larger machine."
        )


def _bytes_to_rotate(out: int, size: int, n: int) -> int:
    """Memory for the rotations of n tasks in float64, as measured.

    Args:
        out: rows of the matrix.
        size: inputs that are rotated at a time.
        n: tasks.
    """
    rank = min(size, 2 * out)
    sums = 2 * min(size * size, 2 * n * out * size)
    return 8 * (12 * rank * rank + sums + 4 * out * size)


def _offer(size: int) -> int:
    """A block that is less than half of the size."""
    return max(min(256, size // 4), 1)


def _mean(residuals: Iterator[Tensor], entries: Entries) -> Tensor:
    total = torch.zeros(entries.shape, dtype=entries.dtype)
    for residual in residuals:
        total.add_(residual)
    return total.div_(len(entries))


def _tsv_m(residuals: Iterator[Tensor], entries: Entries) -> Tensor:
    """Task singular vectors, an equal share of the rank each, made orthogonal to one another.

    Source: Gargiulo et al. 2025, Task Singular Vectors (arXiv 2412.00081), TSV-M.
    """
    kept = Reduction(max(min(entries.shape) // len(entries), 1))
    bases = SingularBases(entries)
    for residual in residuals:
        bases.add(triplets(residual, kept, entries.dtype))
    return bases.merged()


def _mixed(shares: Vectors, entries: Entries) -> Tensor:
    """The tasks' shares by TIES, each times its coefficient."""
    total, room = torch.zeros(shares.numel, dtype=entries.dtype), Room()
    for start, stop in pieces(shares.numel, _PIECE):
        vectors = shares.vectors(start, stop, entries.dtype, room)
        for weight, vector in zip(entries.weights, vectors, strict=True):
            if vector is not None and weight != 0.0:
                total[start:stop].add_(vector, alpha=weight)
    return total.view(entries.shape)
