"""Fits: what a recipe has fitted to its experts after merging, layers first and heads at last."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from studio.checkpoints.deltas import Deltas
from studio.measure.calibration import Calibration
from studio.measure.head_refits import HeadRefits
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.task import Task

_LAYERS = 0.8  # share of the progress that a calibration takes beside a refit of heads


class Fits:
    """Both fits of a zoo's merges.

    Args:
        deltas: of the zoo.
        tasks: of the zoo, by name.

    Attributes:
        layers: calibrates merged models.
        heads: refits heads.
    """

    def __init__(self, deltas: Deltas, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks
        self.layers = Calibration(deltas, tasks)
        self.heads = HeadRefits(deltas, tasks)

    def missing(self, recipe: Recipe) -> bool:
        """Whether a recipe asks for a fit that is not at hand; takes no time."""
        layers = recipe.calibrate is not None and not self.layers.knows(recipe)
        heads = recipe.heads is not None and not self.heads.knows(recipe)
        every = all(name in self._tasks for name in recipe.names)
        return bool(recipe.tasks) and every and (layers or heads)

    def prepare(self, merge: Merge | None, progress: Progress = silent) -> None:
        """Fit what a merge's recipe asks for, so that it is at hand afterwards.

        Args:
            merge: of the zoo; None for the base.
            progress: told the share done; raising stops it.
        """
        if merge is None:
            return
        end = _LAYERS if merge.recipe.heads else 1.0
        begun = end if merge.recipe.calibrate else 0.0
        if merge.recipe.calibrate:
            report = part(progress, 0.0, end)
            _ = replace(merge, calibrate=partial(self.layers, progress=report)).fitted.found
        if merge.recipe.heads:
            report = part(progress, begun, 1.0)
            _ = replace(merge, refit=partial(self.heads, progress=report)).heads.found
