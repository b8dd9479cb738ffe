"""One slider in motion: the rest of the merge is kept, and the moving component is added to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.component import component
from studio.merge import Merge, merged_into
from studio.recipe import KEEP_BASE, Recipe


@dataclass(frozen=True)
class Slide:
    """What a merge needs while one coefficient moves: two tensors for each merged one.

    A move forms every tensor anew, as rest + coefficient * component in one pass, so errors do
    not add up however long the slider is moved. The rest is a sum of its own, so a slide equals
    the exact merge only up to rounding.

    Attributes:
        task: whose coefficient moves.
        without: digest of the recipe in which this coefficient is 0.
        rest: the base and every other component, by name.
        component: of the task, flat, by name.
    """

    task: str
    without: str
    rest: Mapping[str, Tensor]
    component: Mapping[str, Tensor]

    @property
    def key(self) -> tuple[str, str]:
        """What merges it serves: the task, and the recipe without its coefficient."""
        return self.task, self.without

    def wear(self, merge: Merge, places: Mapping[str, Tensor]) -> None:
        """Fill ``places`` with a merge that differs from the slide's in the one coefficient."""
        index = merge.recipe.names.index(self.task)
        values = merge.coefficients[:, index].tolist()
        for name, value in zip(merge.deltas.names, values, strict=True):
            if name in places:
                self._move(name, value, places[name], merge.output_dtype(name))
        mixed = {name: places[name] for name in merge.statistics.names if name in places}
        if mixed:  # no sums of parts, but few and small
            merged_into(merge, mixed)

    def _move(self, name: str, value: float, place: Tensor, dtype: torch.dtype) -> None:
        torch.add(self.rest[name], self.component[name].view(place.shape), alpha=value, out=place)
        if dtype.itemsize < place.dtype.itemsize:  # an export would round to this
            place.copy_(place.to(dtype))


def begin_slide(merge: Merge, task: str, places: Mapping[str, Tensor]) -> Slide:
    """The slide of one task's coefficient through a merge, on the device of the places.

    Args:
        merge: of a method whose vectors do not depend on the coefficients.
        task: whose coefficient moves.
        places: what will be filled, by name.
    """
    still = merge.recipe.silenced(task)
    filled = {name: places[name] for name in merge.deltas.names if name in places}
    rest = {name: torch.empty_like(place, dtype=torch.float32) for name, place in filled.items()}
    own = KEEP_BASE if merge.statistics.names else still.batch_norm
    wide = str(merge.compute_dtype).removeprefix("torch.")
    rest_only = replace(still, dtype=wide, batch_norm=own)
    merged_into(replace(merge, recipe=rest_only), rest)
    moving = component(merge, task)
    like = {name: moving[name].to(place.device, torch.float32) for name, place in filled.items()}
    return Slide(task, still.digest, rest, like)


def slide_bytes(merge: Merge) -> int:
    """Bytes that a slide in float32 needs at most."""
    entries = merge.base.weights.entries
    return 2 * torch.float32.itemsize * sum(entries[name].numel for name in merge.deltas.names)


def moved_task(before: Recipe, after: Recipe) -> str | None:
    """The one task whose coefficient tells two recipes apart, or None if more does."""
    if before.names != after.names or after.fits_experts:
        return None
    moved = [a.name for a, b in zip(before.tasks, after.tasks, strict=True) if a != b]
    if len(moved) != 1 or before.silenced(*moved) != after.silenced(*moved):
        return None
    return moved[0]
