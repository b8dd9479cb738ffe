"""Recalibration: running statistics of a merged model, measured on rows of the merged tasks."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.statistics import MEAN, VARIANCE
from studio.errors import BadData, NotFinite
from studio.measure.examples import Examples, RowAt, batch_of, by_kind, examples
from studio.measure.kept import Kept
from studio.merge import Merge
from studio.recipe import KEEP_BASE
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import using_threads
from studio.tasks.row_parts import MEASURED, VALIDATION
from studio.tasks.task import Task

ROWS = 32
"""Validation rows of each task, at most; as many of every task, so that none weighs more."""
_BATCH = 64
_LEAST = 8
_KEPT = 8


class Recalibration:
    """Measures what the normalized layers of merged models see, on a model of its own.

    It runs on one thread of the CPU, so that a recipe leads to the same statistics wherever it is
    scored, and whatever the live model wears. No label is read.

    Args:
        deltas: of the zoo.
        tasks: of the zoo, by name.
    """

    def __init__(self, deltas: Deltas, tasks: Mapping[str, Task]) -> None:
        self._deltas = deltas
        self._tasks = tasks
        self._examples: dict[str, Examples] = {}
        self._kept: Kept[Mapping[str, Tensor]] = Kept(_KEPT)

    def __call__(self, merge: Merge) -> Mapping[str, Tensor]:
        """The running statistics of a merge of some of the tasks, float64, by the base's names.

        Every layer is normalized by what a batch shows while it is measured, and rows of all tasks
        stand in every batch. Batches are joined by the law of total variance.

        Raises:
            BadData: a task has no head, or no validation rows.
            NotFinite: the merged model gives NaN or infinity.

        Source: Jordan et al. 2023, "REPAIR" (arXiv 2211.08403), which resets merged statistics so.
        """
        numbers = merge.mixing.contiguous().numpy().tobytes()
        key = merge.recipe.digest + hashlib.sha256(numbers).hexdigest()
        return self._kept(key, lambda: self._measured(merge))

    @cached_property
    def _model(self) -> LiveModel:
        kinds = dict.fromkeys(task.kind for task in self._tasks.values() if task.head)
        return LiveModel(self._deltas.base, torch.device("cpu"), tuple(kinds))

    def _measured(self, merge: Merge) -> dict[str, Tensor]:
        parts = {name: self._part(name) for name in merge.recipe.names}
        if sum(len(part.order) for part in parts.values()) < _LEAST:
            raise BadData(
                f"batch_norm: recalibrate has fewer than {_LEAST} {VALIDATION} rows, too few to "
                "say how inputs are spread. Add some, or take 'mixture' or 'base'."
            )
        self._model.wear(replace(merge, recipe=replace(merge.recipe, batch_norm=KEEP_BASE)))
        sums = _Sums(_layers(self._model, merge))
        with torch.no_grad(), using_threads(1), sums.watching():
            for rows in _batches(parts):
                self._model.encoder(**batch_of(self._model, parts, rows).inputs)
        return sums.found()

    def _part(self, name: str) -> Examples:
        task = self._tasks[name]
        if task.head is None or not task.rows(MEASURED):
            lacking = "head" if task.head is None else f"{VALIDATION} rows"
            raise BadData(
                f"batch_norm: recalibrate runs the merged model on {VALIDATION} rows of its tasks, "
                f"but the zoo has no {lacking} for '{name}'. Add them, or take 'mixture' or 'base'."
            )
        if name not in self._examples:
            self._examples[name] = examples(self._model, task, MEASURED, labelled=False)
        return self._examples[name]


def _batches(parts: Mapping[str, Examples]) -> Iterator[Sequence[RowAt]]:
    """As many rows of every task, the first of the fair order, in turns."""
    count = min(ROWS, *(len(part.order) for part in parts.values()))
    turns = [(name, int(parts[name].order[k])) for k in range(count) for name in parts]
    for alike in by_kind(parts, turns):
        batches = max(len(alike) // _BATCH, 1)  # none of them of a row alone, which has no spread
        size = -(-len(alike) // batches)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


class _Sums:
    """Means and variances of what enters normalized layers, added up batch by batch.

    Args:
        layers: by the base's name of their mean.
    """

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        self._layers = layers
        self._sums: dict[str, tuple[int, Tensor, Tensor]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Layers are normalized by their batch, and watched, while the context lasts."""
        handles = [
            layer.register_forward_pre_hook(partial(self._add, name))
            for name, layer in self._layers.items()
        ]
        usual = {layer: layer.momentum for layer in self._layers.values()}
        try:
            for layer in usual:
                layer.train()
                layer.momentum = 0.0  # type: ignore[assignment]  # what it holds itself stays
            yield
        finally:
            for layer, momentum in usual.items():
                layer.eval()
                layer.momentum = momentum  # type: ignore[assignment]
            for handle in handles:
                handle.remove()

    def found(self) -> dict[str, Tensor]:
        """Float64, by the base's names.

        Raises:
            NotFinite: the model gave NaN or infinity.
        """
        made = {}
        for name, (count, first, second) in self._sums.items():
            mean = first / count
            made[name] = mean
            made[name.removesuffix(MEAN) + VARIANCE] = (second / count - mean.square()).clamp(min=0)
            if not bool(second.isfinite().all()):
                raise NotFinite(
                    f"{name}: what enters this layer of the merged model holds NaN or infinity, so "
                    "batch_norm: recalibrate has nothing to measure. Choose smaller coefficients."
                )
        return made

    def _add(self, name: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0]
        others = [axis for axis in range(values.dim()) if axis != 1]
        variance, mean = torch.var_mean(values, others, correction=0)
        mean, variance = mean.double(), variance.double()
        more = values.numel() // values.shape[1]
        count, first, second = self._sums.get(name, (0, mean * 0, mean * 0))
        second = second + more * (variance + mean.square())
        self._sums[name] = count + more, first + more * mean, second


def _layers(model: LiveModel, merge: Merge) -> dict[str, nn.Module]:
    """The layers whose statistics are measured, by the base's name of their mean."""
    own = model.own_names(name for name in merge.statistics.names if name.endswith(MEAN))
    modules = dict(model.encoder.named_modules())
    return {name: modules[mine.removesuffix(MEAN)] for name, mine in own.items()}
