"""One walk through a model: layer by layer, a mix is fitted to its experts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.measure.evaluate import examples
from studio.measure.layer_fit import Fed, Products, fit_of, products_of
from studio.measure.layer_order import Layer, Layers, layers_of, no_way
from studio.measure.lockstep import Pass, in_lockstep
from studio.measure.unfolded import LINEAR
from studio.merge import Merge, merged_into
from studio.methods import SUM
from studio.progress import Progress, silent
from studio.recipe import Calibrate, Recipe, TaskEntry
from studio.tasks.kinds.answers import Batch
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import using_threads
from studio.tasks.row_parts import MEASURED
from studio.tasks.task import Task

_BATCH = 32  # rows


@dataclass(frozen=True)
class Read:
    """Rows that go through a model together.

    Attributes:
        inputs: what the model is called with, by name.
        masks: by shape, ``(rows, positions)`` where there is more than padding.
    """

    inputs: dict[str, Tensor]
    masks: Mapping[torch.Size, Tensor]


def batches_of(model: LiveModel, task: Task, rows: int) -> list[Batch]:
    """The first rows of a task's fixed shuffle, those of like length together.

    Args:
        model: that will be asked.
        task: whose rows, of the part that is measured on.
        rows: at most.
    """
    part = examples(model, task, MEASURED, labelled=False)
    chosen = sorted(part.order[:rows].tolist(), key=part.length)
    lots = [chosen[start : start + _BATCH] for start in range(0, len(chosen), _BATCH)]
    return [model.batch(task.kind, [part.items[row] for row in each]) for each in lots]


def read_rows(model: LiveModel, task: Task, rows: int) -> list[Read]:
    """The same batches, as a walk reads them."""
    made = []
    for batch in batches_of(model, task, rows):
        found = task.kind.real(batch)
        every = (found,) if isinstance(found, Tensor) else found or ()
        made.append(Read(batch.inputs, {each.shape: each for each in every}))
    return made


def calibrated(
    model: LiveModel, merge: Merge, rows: Mapping[str, Sequence[Read]],
    progress: Progress = silent,
) -> dict[str, Tensor]:  # fmt: skip
    """A mix whose layers are fitted to its experts, one after another in forward order.

    For each task, the rows go through the layers that are calibrated so far, ``x_s``, and through
    the task's expert, ``x_e``. With ``x_t = a x_e + (1 - a) x_s``, ``C_i = E[x_s x_s^T]``,
    ``X_i = E[x_s x_t^T]`` and ``s_i = 1 / ||C_i||_F`` a linear layer or a convolution becomes

    ``W = (sum_i s_i C_i + l I)^-1 (sum_i s_i X_i W_i^T + l A^T)``, transposed,
    ``b = (sum_i s_i (b_i + W_i E[x_t] - W E[x_s]) + l A_b) / (sum_i s_i + l)``,

    where ``l`` is the pull and ``A = W_0 + r (W_mix - W_0)``. Gain and bias of a LayerNorm solve
    the same in its two numbers per channel. Everything else stays as the mix has it. Layers
    with the same input, such as an attention's queries, keys and values, share its products.

    Experts are read a layer at a time, so that there is one model in memory.

    Args:
        model: that wears the mix and the experts; it wears the base afterwards.
        merge: the mix, of at least one task.
        rows: per task, batches of its rows.
        progress: told the share done after every layer; raising stops it.

    Returns:
        By the base's names, in the merge's compute dtype.

    Raises:
        BadRecipe: the model cannot be walked layer by layer.
        NotFinite: what enters a layer is NaN or infinite.

    Source: FeatCal, arXiv 2605.13030.
    """
    options = merge.recipe.calibrate or Calibrate()
    mix = replace(merge, recipe=replace(merge.recipe, calibrate=None))
    model.wear(mix)
    with using_threads(1):
        layers = layers_of(model, {name: each[0].inputs for name, each in rows.items()})
        walk = _Walk(model, mix, layers, options, tuple(rows))
        try:
            return walk.through(rows, progress)
        finally:
            walk.undress()


@dataclass(frozen=True)
class _Streams:
    """The passes of one task's rows, batch by batch.

    Attributes:
        students: through the layers calibrated so far.
        teachers: through the task's expert.
        masks: of each batch, see ``Read``.
    """

    students: Sequence[Pass]
    teachers: Sequence[Pass]
    masks: Sequence[Mapping[torch.Size, Tensor]]

    def pairs(self) -> list[Fed]:
        """What enters the layer that all of them wait before."""
        return [
            Fed(one.states, other.states, masks.get(one.states.shape[:2]))
            for one, other, masks in zip(self.students, self.teachers, self.masks, strict=True)
        ]


class _Walk:
    """One walk through a model; see ``calibrated``.

    Args:
        model: that wears the mix.
        mix: to calibrate.
        layers: of the model.
        options: of the calibration.
        tasks: that take part.
    """

    def __init__(
        self, model: LiveModel, mix: Merge, layers: Layers, options: Calibrate,
        tasks: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._model, self._mix, self._layers, self._options = model, mix, layers, options
        self._experts = {name: expert_alone(mix.deltas, name) for name in tasks}
        changed = {*mix.changed, *(n for x in self._experts.values() for n in x.changed)}
        self._loose = tuple(name for name in layers.loose if name in changed)
        self._loose_held = self._held(self._loose)
        self._last: dict[str, tuple[list[Fed], Products]] = {}

    def through(self, rows: Mapping[str, Sequence[Read]], progress: Progress) -> dict[str, Tensor]:
        """All calibrated tensors."""
        batches = [each for task in rows.values() for each in task]
        runs = [partial(self._model.states, each.inputs) for each in batches]
        found, order = dict[str, Tensor](), self._layers.order
        with in_lockstep([layer.module for layer in order], [*runs, *runs]) as passes:
            streams = _streams(rows, passes)
            self._teach(streams, None)
            self._go_on(streams)
            for place, layer in enumerate(order):
                self._refuse_elsewhere(layer, passes)
                found |= self._teach(streams, layer)
                self._go_on(streams)
                done = f"{place + 1} of {len(order)} layers calibrated: {layer.words}"
                progress((place + 1) / len(order), done)
        return found

    def undress(self) -> None:
        """Put the base back where the walk has written."""
        for name in (*self._loose, *(n for layer in self._layers.order for n in layer.names)):
            for place in self._model.places([name]).values():
                place.copy_(self._mix.base.tensor(name).view(place.shape))

    def _teach(self, streams: Mapping[str, _Streams], layer: Layer | None) -> dict[str, Tensor]:
        """Send every expert through a layer, and fit the layer to them; it is worn afterwards."""
        names = layer.names if layer else {}
        held, fit = self._held(names), None
        if layer and layer.fitted:
            shown = {own: held[name] for name, own in names.items()}
            base = {own: self._base(name, shown[own]) for name, own in names.items()}
            fit = fit_of(layer.module, shown, base, self._options, layer.words)
        for task, each in streams.items():
            self._put_on(task, (*names, *self._loose))
            if fit and layer:
                places = self._model.places(names)
                expert = {own: places[name] for name, own in names.items()}
                fit.add(self._products(task, layer, each.pairs()), expert)
            for teacher in each.teachers:
                teacher.advance()
        self._wear(held | self._loose_held)
        solved = fit.solved() if fit else {}
        wide = self._mix.compute_dtype
        found = {name: solved[own].to(wide) for name, own in names.items() if own in solved}
        self._wear({name: x.to(self._mix.output_dtype(name)) for name, x in found.items()})
        return found

    def _go_on(self, streams: Mapping[str, _Streams]) -> None:
        for each in streams.values():
            for student in each.students:
                student.advance()

    def _products(self, task: str, layer: Layer, pairs: list[Fed]) -> Products:
        """Sums over a task's rows; those of the layer before where it has the same input."""
        known, products = self._last.get(task, ([], None))
        same = len(known) == len(pairs) and all(
            one.student is other.student and one.teacher is other.teacher
            for one, other in zip(known, pairs, strict=True)
        )
        linear = isinstance(layer.module, LINEAR)
        if products is None or not same or not linear:
            products = products_of(layer.module, pairs, self._options.share)
        self._last.pop(task, None)
        if linear:
            self._last[task] = pairs, products
        return products

    def _refuse_elsewhere(self, layer: Layer, passes: Sequence[Pass]) -> None:
        if any(each.layer is not layer.module for each in passes):
            reason = f"not every row reaches {layer.words} when the others do"
            raise no_way(self._model, reason)

    def _put_on(self, task: str, names: Sequence[str]) -> None:
        """An expert's tensors."""
        expert, places = self._experts[task], self._model.places(names)
        changed = {name: places[name] for name in places if name in set(expert.changed)}
        for name in places.keys() - changed.keys():
            places[name].copy_(self._base(name, places[name]))
        merged_into(expert, changed)

    def _wear(self, tensors: Mapping[str, Tensor]) -> None:
        for name, place in self._model.places(tensors).items():
            place.copy_(tensors[name].view(place.shape))

    def _held(self, names: Iterable[str]) -> dict[str, Tensor]:
        return {name: place.clone() for name, place in self._model.places(names).items()}

    def _base(self, name: str, like: Tensor) -> Tensor:
        return self._mix.base.tensor(name).view(like.shape)


def _streams(rows: Mapping[str, Sequence[Read]], passes: Sequence[Pass]) -> dict[str, _Streams]:
    """The passes by task: those of the first half are the students', in the order of the rows."""
    made, start, half = dict[str, _Streams](), 0, len(passes) // 2
    for name, batches in rows.items():
        own = slice(start, start + len(batches))
        masks = [each.masks for each in batches]
        made[name] = _Streams(passes[:half][own], passes[half:][own], masks)
        start += len(batches)
    return made


def expert_alone(deltas: Deltas, task: str) -> Merge:
    """A task's checkpoint; its merge shares nothing with others, and so waits for none."""
    own = deltas.subset([task])
    entry = TaskEntry(task, str(own.checkpoints[0].folder), 1.0)
    return Merge(Recipe(str(own.base.folder), (entry,), SUM), own)
