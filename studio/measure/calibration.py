"""Calibration: a mix of any method fitted to its experts on rows without labels."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.errors import BadData
from studio.measure.kept import Kept
from studio.measure.layer_walk import calibrated, read_rows
from studio.merge import Merge
from studio.methods.kit.fitted_tensors import Fitting
from studio.progress import Progress, silent
from studio.recipe import Recipe
from studio.tasks.live_model import LiveModel
from studio.tasks.precision import worn_dtype
from studio.tasks.row_parts import MEASURED, VALIDATION, fair_order
from studio.tasks.task import Task

_CPU = torch.device("cpu")
_KEPT = 2  # calibrated models


class Calibration:
    """Fits merged models to their experts, on a model of its own.

    It runs on one thread of the CPU, so that a recipe leads to the same weights wherever it is
    scored, and whatever the live model wears. No label is read.

    Args:
        deltas: of the zoo.
        tasks: of the zoo, by name.
    """

    def __init__(self, deltas: Deltas, tasks: Mapping[str, Task]) -> None:
        self._deltas = deltas
        self._tasks = tasks
        self._kept: Kept[Fitting] = Kept(_KEPT)

    def __call__(self, merge: Merge, progress: Progress = silent) -> Fitting:
        """The calibrated tensors of a merge of some of the tasks.

        Args:
            merge: with a recipe that says how; tasks whose coefficients are all 0 take no part.
            progress: told the share done; raising stops it.

        Raises:
            BadData: a task has no head, or no validation rows.
            BadRecipe: the model cannot be walked layer by layer.
            NotFinite: what enters a layer is NaN or infinite.
        """
        key = fit_key(replace(merge.recipe, heads=None), merge.recorded)
        return self._kept(key, lambda: self._calibrated(merge, progress))

    def knows(self, recipe: Recipe) -> bool:
        """Whether a recipe's calibration is at hand, whatever becomes of its heads; no time."""
        return fit_key(replace(recipe, heads=None)) in self._kept

    def _calibrated(self, merge: Merge, progress: Progress) -> Fitting:
        progress(0.0, "loading a model to calibrate")
        assert merge.recipe.calibrate is not None
        names = merging(merge)
        for name in names:
            self._refuse(name)
        if not names:
            return Fitting({}, {})
        kinds = tuple(dict.fromkeys(self._tasks[name].kind for name in names))
        model = LiveModel(self._deltas.base, _CPU, kinds, worn_dtype(self._deltas.base, _CPU))
        most = merge.recipe.calibrate.rows
        rows = {name: read_rows(model, self._tasks[name], most) for name in names}
        used = {name: measured_rows_digest(self._tasks[name], most) for name in names}
        return Fitting(calibrated(model, merge, rows, progress), used)

    def _refuse(self, name: str) -> None:
        task = self._tasks[name]
        if task.head is None or not task.rows(MEASURED):
            lacking = "head" if task.head is None else f"{VALIDATION} rows"
            raise BadData(
                f"'calibrate' runs the merged model and the experts on {VALIDATION} rows of the "
                f"tasks, but the zoo has no {lacking} for '{name}'. Add some, of which 8 help "
                "already and none needs a label, or leave 'calibrate' out."
            )


def fit_key(recipe: Recipe, recorded: Tensor | None = None) -> str:
    """A name for what is fitted: what the recipe leads to, or a mixing that was recorded."""
    numbers = b"" if recorded is None else recorded.contiguous().numpy().tobytes()
    return recipe.digest + hashlib.sha256(numbers).hexdigest()


def merging(merge: Merge) -> tuple[str, ...]:
    """Names of the tasks that a mix is calibrated with: those that are not silent everywhere."""
    loud = (merge.coefficients != 0).any(0).tolist()
    return tuple(name for name, each in zip(merge.recipe.names, loud, strict=True) if each)


def measured_rows_digest(task: Task, rows: int) -> tuple[int, str]:
    """How many rows of a task a calibration reads, and the SHA-256 of what they say."""
    every = task.rows(MEASURED)
    chosen = [task.kind.plain(every[row]) for row in fair_order(len(every))[:rows]]
    return len(chosen), hashlib.sha256(json.dumps(chosen).encode()).hexdigest()
