"""Where merges and searches stand on the plane of two experts, and how far they lie beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from studio.checkpoints.vectors import Room, pieces
from studio.geometry.plane import Plane, Spot
from studio.measure.bench import Bench
from studio.merge import Merge
from studio.progress import Progress, silent
from studio.recipe import DEFAULT_METHOD, Option, Recipe
from studio.search.run import Run
from studio.sweep.plane_map import sum_of

_MOST_STEPS = 60  # of a search that are drawn
_STEPS = 5  # of the sum's path from the base to the whole


@dataclass(frozen=True)
class Meeting:
    """How a merge's vectors meet the two deltas of a plane.

    Attributes:
        names: T tensors.
        blocks: ``(T, 2 + n, 2 + n)`` float64 inner products: the two deltas, then the n vectors
            that the merge mixes.
    """

    names: tuple[str, ...]
    blocks: Tensor

    def spot(self, plane: Plane, merge: Merge) -> Spot:
        """The place of a merge of these vectors, by its mixing of them alone."""
        mixing = merge.mixing  # (T', n)
        rows = [self.names.index(name) for name in merge.deltas.names]
        blocks = self.blocks[rows]
        inner = (blocks[:, :2, 2:] @ mixing.unsqueeze(2)).squeeze(2).sum(0)  # (2,)
        own = (mixing.unsqueeze(1) @ blocks[:, 2:, 2:] @ mixing.unsqueeze(2)).sum()
        return plane.spot(float(inner[0]), float(inner[1]), float(own))


def meeting(bench: Bench, plane: Plane, merge: Merge, progress: Progress = silent) -> Meeting:
    """How a merge meets a plane.

    By the zoo's inner products where it mixes the deltas themselves; else by one pass over the
    deltas and what the method derives from them, piece by piece. Running statistics, which are no
    sums, are left out.

    Args:
        bench: the zoo, opened; of whose tasks the merge is.
        plane: of two of its tasks.
        merge: whose vectors are meant.
        progress: told the share done; may raise to give up.
    """
    if merge.vectors is not merge.deltas:
        return _streamed(bench, plane, merge, progress)
    known, names = bench.gram, merge.deltas.names
    tasks = (*plane.tasks, *merge.deltas.tasks)
    places = torch.tensor([known.tasks.index(name) for name in tasks], dtype=torch.long)
    tensors = torch.tensor([known.names.index(name) for name in names], dtype=torch.long)
    return Meeting(names, known.blocks[tensors][:, places][:, :, places])


def by_algebra(bench: Bench, recipe: Recipe) -> bool:
    """Whether a recipe's place follows from the zoo's inner products, and so takes no time."""
    return not bench.merge(recipe).method.derives


def sum_path(plane: Plane) -> tuple[Spot, ...]:
    """Task arithmetic's: from the base along the sum of both deltas, to the whole of it."""
    return tuple(plane.at(step / (_STEPS - 1), step / (_STEPS - 1)) for step in range(_STEPS))


def orthogonal_path(
    bench: Bench, plane: Plane, options: dict[str, Option] | None = None
) -> tuple[Spot, ...]:
    """The default method's: base, its first component, and both, each whole.

    Args:
        bench: the zoo, opened.
        plane: of two of its tasks.
        options: of the method that are no defaults.

    Raises:
        StudioError: the two cannot be merged by it.
    """
    whole = replace(sum_of(bench, plane.tasks, (1.0, 1.0), DEFAULT_METHOD), options=options or {})
    first = bench.merge(whole.silenced(plane.tasks[1]))
    met = meeting(bench, plane, first)
    return Spot(0.0, 0.0), met.spot(plane, first), met.spot(plane, bench.merge(whole))


def search_path(
    bench: Bench, plane: Plane, run: Run, progress: Progress = silent
) -> tuple[Spot, ...]:
    """A search's steps from its better starting point to its last; of many some are left out.

    Args:
        bench: the zoo, opened.
        plane: of two of its tasks.
        run: of the search.
        progress: told the share done; may raise to give up.
    """
    first = [step for step in run.steps if step.number == 0]
    if not first:
        return ()
    points = [first[-1].best.point, *(step.point for step in run.steps if step.number)]
    recipes = [run.recipe(point) for point in _some(points)]
    merges = [bench.merge(recipe) for recipe in recipes]
    if merges[0].method.weighs:  # its vectors are others at every step
        each = [meeting(bench, plane, merge, progress) for merge in merges]
    else:
        each = [meeting(bench, plane, merges[0], progress)] * len(merges)
    pairs = zip(each, merges, strict=True)
    return tuple(met.spot(plane, merge) for met, merge in pairs)


def _some(points: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    every = -(-len(points) // _MOST_STEPS)
    return [*points[:-1:every], points[-1]]


def _streamed(bench: Bench, plane: Plane, merge: Merge, progress: Progress) -> Meeting:
    names, raw = merge.deltas.names, bench.deltas
    chosen = [raw.tasks.index(name) for name in plane.tasks]
    vectors, blocks = merge.vectors, []
    for t, name in enumerate(names):
        progress(t / len(names), f"where the merge stands: {name}")
        own, mixed = raw.at(name), vectors.at(name)
        n = 2 + len(mixed.present)
        block = torch.zeros(n, n, dtype=torch.float64)
        for start, stop in pieces(own.numel):
            two = own.vectors(start, stop, merge.compute_dtype, Room(), chosen)
            others = mixed.vectors(start, stop, merge.compute_dtype, Room())
            held = torch.zeros(n, stop - start, dtype=torch.float64)
            for row, vector in enumerate(chain(two, others)):
                if vector is not None:
                    held[row] = vector
            block += held @ held.T
        blocks.append(block)
    return Meeting(names, torch.stack(blocks))
