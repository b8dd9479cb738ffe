"""Heads refitted to a merged model: each agrees with its expert again, on rows without labels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.errors import BadData, BadRecipe
from studio.measure.calibration import fit_key, measured_rows_digest, merging
from studio.measure.head_fit import fitted_layer
from studio.measure.kept import Kept
from studio.measure.layer_walk import batches_of, expert_alone
from studio.merge import Merge
from studio.methods.kit.refitted_heads import Refitting
from studio.progress import Progress, silent
from studio.recipe import Recipe
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch
from studio.tasks.last_layer import LastLayer, last_layer, open_ended, refitted_head
from studio.tasks.live_model import LiveModel
from studio.tasks.precision import worn_dtype
from studio.tasks.quick_pass import using_threads
from studio.tasks.row_parts import MEASURED, VALIDATION
from studio.tasks.task import Task

_CPU = torch.device("cpu")
_KEPT = 8  # refits
_APART = 1e-3  # of the largest score: more, and a class does something behind its last layer


class HeadRefits:
    """Refits the heads of merged tasks, on a model of its own.

    For each task the rows go through the merged model and through the task's expert; the last
    layer of the task's head is fitted to what the expert's head says, see ``fitted_layer``. It
    runs on one thread of the CPU, so that a recipe leads to the same heads wherever it is scored.
    No label is read, and no task's head depends on another task's rows.

    Args:
        deltas: of the zoo.
        tasks: of the zoo, by name.
    """

    def __init__(self, deltas: Deltas, tasks: Mapping[str, Task]) -> None:
        self._deltas = deltas
        self._tasks = tasks
        self._kept: Kept[Refitting] = Kept(_KEPT)
        self._said: dict[tuple[str, int], Tensor] = {}

    def __call__(self, merge: Merge, progress: Progress = silent) -> Refitting:
        """The last layers of a merge of some of the tasks; those of silent tasks stay as they are.

        Args:
            merge: with a recipe that says how.
            progress: told the share done; raising stops it.

        Raises:
            BadData: a task with a head has no validation rows.
            BadRecipe: no task has a head that can be refitted.
            NotFinite: what enters a head is NaN or infinite.
        """
        key = fit_key(merge.recipe, merge.recorded)
        return self._kept(key, lambda: self._refitted(merge, progress))

    def knows(self, recipe: Recipe) -> bool:
        """Whether the heads of a recipe are at hand; takes no time."""
        return fit_key(recipe) in self._kept

    def replacing(self, merge: Merge | None, heads: Mapping[str, Head | None]) -> dict[str, Head]:
        """Which heads answer for a merge in the place of their tasks' own.

        Args:
            merge: the model; None for the base.
            heads: by task, or by general rows; those that are no task's own stay.
        """
        if merge is None or merge.recipe.heads is None:
            return {}
        return {
            name: refitted_head(head, tensors)
            for name, tensors in merge.heads.found.tensors.items()
            if (head := heads.get(name)) and head is self._tasks[name].head
        }

    def tasks(self, merge: Merge) -> dict[str, Task]:
        """All tasks with the heads that answer for a merge."""
        found = merge.heads.found.tensors
        return {name: task.refitted(found.get(name)) for name, task in self._tasks.items()}

    def _refitted(self, merge: Merge, progress: Progress) -> Refitting:
        assert merge.recipe.heads is not None
        names = [name for name in merging(merge) if last_layer(self._tasks[name].head)]
        self._refuse(merge, names)
        if not names:
            return Refitting({}, {})
        progress(0.0, "loading a model to refit heads")
        most, made = merge.recipe.heads.rows, dict[str, Mapping[str, Tensor]]()
        kinds = tuple(dict.fromkeys(self._tasks[name].kind for name in names))
        model = LiveModel(self._deltas.base, _CPU, kinds, worn_dtype(self._deltas.base, _CPU))
        with using_threads(1):
            rows = {name: batches_of(model, self._tasks[name], most) for name in names}
            self._ask_experts(model, rows, most, progress)
            model.wear(replace(merge, recipe=replace(merge.recipe, heads=None)))
            for place, name in enumerate(names, 1):
                last, entered = _entered(model, self._tasks[name], rows[name])
                said = self._said[name, most]
                pull = merge.recipe.heads.pull
                made[name] = fitted_layer(last, entered, said, pull, name).tensors
                words = f"{place} of {len(names)} heads refitted: {name}"
                progress(0.5 + 0.5 * place / len(names), words)
        used = {name: measured_rows_digest(self._tasks[name], most) for name in names}
        return Refitting(made, used)

    def _ask_experts(
        self, model: LiveModel, rows: Mapping[str, Sequence[Batch]], most: int, progress: Progress
    ) -> None:
        """What each expert says of its own rows, where that is not known from an earlier refit."""
        for place, (name, batches) in enumerate(rows.items()):
            if (name, most) in self._said:
                continue
            progress(0.5 * place / len(rows), f"asking the expert of {name}")
            model.wear(expert_alone(self._deltas, name))
            last, entered = _entered(model, self._tasks[name], batches)
            self._said[name, most] = last.scores(entered)

    def _refuse(self, merge: Merge, names: Sequence[str]) -> None:
        if merging(merge) and not names:
            kinds = dict.fromkeys(self._tasks[name].kind.name for name in merging(merge))
            raise BadRecipe(
                "The recipe has 'heads', but no merged task has a head with a row per label: "
                f"tasks of type {', '.join(kinds)} answer otherwise here. Leave 'heads' out."
            )
        bare = [name for name in names if not self._tasks[name].rows(MEASURED)]
        if bare:
            raise BadData(
                f"'heads' runs the merged model and the experts on {VALIDATION} rows of the tasks, "
                f"but the zoo has none for {', '.join(repr(name) for name in bare)}. Add some, of "
                "which none needs a label, or leave 'heads' out."
            )


def _entered(model: LiveModel, task: Task, rows: Sequence[Batch]) -> tuple[LastLayer, Tensor]:
    """The last layer of a task's head, and ``(n, hidden)`` what enters it: a line per question.

    Questions of which the head reads nothing, such as words without a token, are left out.

    Raises:
        BadData: the head does something behind its last layer.
    """
    assert task.head is not None
    last, found, apart = last_layer(task.head), [], 0.0
    assert last is not None
    ended, width = open_ended(task.head), last.weight.shape[1]
    for batch in rows:
        output, places = model.states(batch.inputs), torch.arange(len(batch.items))
        with torch.inference_mode():
            ends = task.kind.scores(task.spec, ended, output, batch, places)[:, :width]
            read = ends.abs().amax(1) > 0
            scores = task.kind.scores(task.spec, task.head, output, batch, places)[read]
            found.append(ends[read])
            away = (last.scores(ends[read]) - scores[:, : len(last.weight)]).abs()
            apart = max(apart, float((away / scores.abs().amax().clamp(min=1.0)).amax()))
    if apart > _APART:
        raise BadData(
            f"'{task.name}': its head does more behind its last layer than score labels, so it "
            "cannot be refitted. Leave 'heads' out."
        )
    return last, torch.cat(found).clone()
