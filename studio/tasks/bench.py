"""A zoo opened for work: base, deltas, tasks, the live model and its rows."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import torch

from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import BadData
from studio.geometry.gram import Gram, gram
from studio.merge import Merge, open_merge
from studio.progress import Progress, silent
from studio.recipe import Recipe
from studio.tasks.evaluate import Evaluation, Examples, examples
from studio.tasks.heads import Head
from studio.tasks.live import LiveModel
from studio.tasks.scores import Score
from studio.tasks.task import Task, open_task
from studio.zoo import Zoo

_RESIDENT_LIMIT = 4 * 2**30  # bytes of dense deltas that a live model may keep in memory


class Bench:
    """A zoo opened once; nothing heavy is loaded before it is needed.

    Raises:
        StudioError: a checkpoint, head or label list does not fit.
    """

    def __init__(self, zoo: Zoo, device: torch.device) -> None:
        self.zoo = zoo
        self.device = device
        self.base: Checkpoint = open_checkpoint(zoo.base)
        sources = [(task.name, open_checkpoint(task.checkpoint)) for task in zoo.tasks]
        self.deltas = Deltas(self.base, sources)
        self.tasks: dict[str, Task] = {
            spec.name: open_task(spec, self.deltas.private(spec.name), self.base)
            for spec in zoo.tasks
        }
        self._examples: dict[str, dict[str, Examples]] = {}

    @cached_property
    def live(self) -> LiveModel:
        """The live model; made on first use."""
        self.deltas.keep_in_memory(_RESIDENT_LIMIT)
        return LiveModel(self.base, self.device)

    @cached_property
    def gram(self) -> Gram:
        """Inner products of all the zoo's deltas; those of any subset are among them."""
        return gram(self.deltas)

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the tasks that have held-out rows and a head."""
        return tuple(
            name for name, task in self.tasks.items() if task.head and "held_out" in task.spec.data
        )

    def merge(self, recipe: Recipe) -> Merge:
        """The recipe's merge; checkpoints that the zoo has open are not opened again."""
        known = {task.name: task.checkpoint for task in self.zoo.tasks}
        same = all(known.get(t.name) == t.checkpoint and not t.digest for t in recipe.tasks)
        if not same or recipe.base != self.zoo.base:
            return open_merge(recipe)
        chosen = self.deltas.subset(recipe.names)
        same_dtype = chosen.dtype == self.deltas.dtype
        return Merge(recipe, self.base, chosen, (lambda: self.gram) if same_dtype else None)

    def evaluation(
        self, heads: Mapping[str, Head | None], split: str, live: LiveModel | None = None
    ) -> Evaluation:
        """An evaluation, not yet run, of the tasks named by ``heads``.

        Raises:
            BadData: a task has no rows for the split, or no head.
        """
        if not heads:
            raise BadData(f"No task of '{self.zoo.name}' has data, so there is nothing to score.")
        live = live or self.live
        parts = self._examples.setdefault(split, {})
        chosen: dict[str, Head] = {}
        for name, head in heads.items():
            if head is None:
                raise BadData(f"'{name}' has no head of the kind asked for.")
            chosen[name] = head
            if name not in parts:
                parts[name] = examples(live, self.tasks[name], split)
        padding = live.tokenizer.pad_token_id
        return Evaluation([parts[name] for name in heads], chosen, padding)

    def heads(self, *names: str) -> dict[str, Head | None]:
        """The experts' heads, of all scored tasks or of those named."""
        return {name: self.tasks[name].head for name in names or self.scored}

    def score(
        self, merge: Merge | None, split: str = "held_out", progress: Progress = silent
    ) -> dict[str, Score]:
        """All tasks' scores on every row of a split, for a merge or (None) for the base."""
        self.live.wear(merge)
        return self._run(self.evaluation(self.heads(), split), progress)

    def score_experts(
        self, split: str = "held_out", progress: Progress = silent
    ) -> dict[str, Score]:
        """Each task's score by its own checkpoint, alone and with coefficient 1."""
        scores: dict[str, Score] = {}
        for i, name in enumerate(self.scored):
            progress(i / len(self.scored), f"expert {name}")
            self.live.wear(self.expert(name))
            scores |= self._run(self.evaluation(self.heads(name), split), silent)
        return scores

    def score_head_only(self, split: str = "held_out") -> dict[str, Score] | None:
        """Scores of the base with heads fitted on it; None if a task has no such head."""
        heads = {name: self.tasks[name].head_only for name in self.scored}
        if not heads or None in heads.values():
            return None
        self.live.wear(None)
        return self._run(self.evaluation(heads, split), silent)

    def expert(self, name: str) -> Merge:
        """One task alone: its own checkpoint, through the same arithmetic as every merge."""
        whole = self.zoo.recipe("task_arithmetic", 1.0)
        others = [task for task in whole.names if task != name]
        return self.merge(whole.without(*others))

    def score_folder(self, folder: Path, split: str = "held_out") -> dict[str, Score]:
        """Scores of an exported model, with the heads in its ``heads`` folder or the zoo's."""
        live = LiveModel(open_checkpoint(folder), self.device)
        heads: dict[str, Head | None] = {}
        for name in self.scored:
            own = folder / "heads" / name / "head.safetensors"
            spec, private = self.tasks[name].spec, self.deltas.private(name)
            heads[name] = open_task(spec, private, live.base, own if own.is_file() else None).head
        evaluation = self.evaluation(heads, split, live)
        for _ in evaluation.run(live):
            pass
        return evaluation.scores()

    def _run(self, evaluation: Evaluation, progress: Progress) -> dict[str, Score]:
        for share in evaluation.run(self.live):
            progress(share, "evaluating")
        return evaluation.scores()
