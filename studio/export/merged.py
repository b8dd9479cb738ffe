"""What every export of a merge has in common: read afresh, with digests, a recipe and a record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch

from studio import __version__
from studio.checkpoints.no_change import refuse_copies, refuse_zero
from studio.export.card import public_name
from studio.export.fidelity import check_fidelity
from studio.export.folder import RECORD, Content
from studio.export.licences import Licence, licence_of_folder, strictest
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.progress import Progress, part
from studio.recipe import Recipe, recipe_text
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.contract import Kind
from studio.tasks.task import Task


@dataclass(frozen=True, eq=False)
class Merged(Content):
    """A merge to be written.

    Attributes:
        given: the merge; nothing that was kept of it is relied on.
        tasks: whose heads are written beside the weights, as far as they are merged and have one.
        allow_duplicates: accept equal checkpoints and zero deltas.
        checks: one of ``CHECKS``.
        told: what ``prepare`` has compared, a sentence each.
        doubts: what it found that must not be overlooked, a sentence each.
    """

    given: Merge
    tasks: Sequence[Task] = ()
    allow_duplicates: bool = False
    checks: str = field(default="full", kw_only=True)
    told: list[str] = field(default_factory=list, init=False, repr=False)
    doubts: list[str] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def merge(self) -> Merge:
        """The merge as it is computed for the export: it rests on nothing that was kept."""
        return replace(self.given, known=None, recall=None)

    @property
    def merged_tasks(self) -> list[Task]:
        """The tasks that are merged."""
        return [task for task in self.tasks if task.name in self.given.recipe.names]

    @cached_property
    def heads(self) -> list[Task]:
        """The tasks that are merged and have a head: refitted to the merge, if its recipe asks."""
        found = self.given.heads.found.tensors
        return [task.refitted(found.get(task.name)) for task in self.merged_tasks if task.head]

    @property
    def head_notes(self) -> list[str]:
        """What a user should know of how the merged tasks' heads were opened, a sentence each."""
        return [f"'{task.name}': {note}" for task in self.merged_tasks for note in task.notes]

    @cached_property
    def licence(self) -> Licence:
        """Of the merge, as far as the cards in its inputs' folders tell."""
        merge = self.given
        inputs = (merge.base, *merge.deltas.checkpoints)
        pairs = zip(("the base", *merge.deltas.tasks), inputs, strict=True)
        return strictest({name: licence_of_folder(each.folder) for name, each in pairs})

    @property
    def kind(self) -> Kind:
        """Of the tasks, whose model an export is loaded as."""
        return self.tasks[0].kind if self.tasks else USUAL_KIND

    @property
    def held(self) -> dict:
        """See ``Content``."""
        checkpoints = zip(self.given.deltas.tasks, self.given.deltas.checkpoints, strict=True)
        return {
            "base": self.given.base.digest,
            "tasks": {name: checkpoint.digest for name, checkpoint in checkpoints},
        }

    def prepare(self, progress: Progress) -> None:
        """Hash the inputs, so that the record names them by what they held; refuse duplicates.

        Refit heads, if the recipe asks for it, before anything is written. Compare each checkpoint
        with what transformers and PEFT open, if all is to be checked.
        """
        _ = self.heads
        progress, opening = part(progress, 0.0, 0.5), part(progress, 0.5, 1.0)
        inputs = (self.merge.base, *self.merge.deltas.checkpoints)
        for number, checkpoint in enumerate(inputs):
            start, stop = number / len(inputs), (number + 1) / len(inputs)
            checkpoint.weights.take_root(part(progress, start, stop))
        if not self.allow_duplicates:
            refuse_copies(self.merge.deltas)
            refuse_zero(self.merge.deltas)
        if self.checks == "full":
            words, self.doubts[:] = check_fidelity(self.merge, opening)
            self.told[:] = [words] if words else []

    def refuse_changed(self) -> None:
        """Refuse inputs whose files were changed since their headers were read.

        Raises:
            BadCheckpoint: naming the file.
        """
        for each in (self.merge.base, *self.merge.deltas.checkpoints):
            each.weights.refuse_changed()

    @property
    def recorded(self) -> Recipe:
        """The recipe with the digest of every checkpoint, and what it still knows of a search."""
        pairs = zip(self.merge.recipe.tasks, self.merge.deltas.checkpoints, strict=True)
        entries = tuple(replace(task, digest=checkpoint.digest) for task, checkpoint in pairs)
        return replace(self.merge.recipe, tasks=entries, fitted=self.merge.recipe.taint)

    def texts(self, work: Path, root: str, scores: Mapping[str, Score], lost: dict) -> dict:
        """The recipe as a file in ``work``, and the record with what the writing lost."""
        file = work / "recipe.yaml"
        found = self._record(root, scores) | lost
        return {file.name: recipe_text(self.recorded, file), RECORD: json.dumps(found, indent=1)}

    def _record(self, root: str, scores: Mapping[str, Score]) -> dict:
        """What entered the arithmetic: digests, dtype, and the vectors' mixing as hex floats."""
        merge = self.merge
        rows = [[x.hex() for x in row] for row in merge.numbers.tolist()]
        pairs = zip(merge.deltas.tasks, merge.deltas.checkpoints, strict=True)
        return {
            **made_with(root),
            "recipe_digest": self.recorded.digest_on(merge.base.digest),
            "base": {"source": public_name(merge.recipe.base), "digest": merge.base.digest},
            "tasks": [
                {"name": name, "kind": checkpoint.kind, "digest": checkpoint.digest}
                for name, checkpoint in pairs
            ],
            "compute_dtype": str(merge.compute_dtype).removeprefix("torch."),
            "vectors": "derived" if merge.method.derives else "raw deltas",
            "mixing": dict(zip(merge.deltas.names, rows, strict=True)),
            "scores": {name: score.plain() for name, score in scores.items()},
        }


def made_with(root: str) -> dict:
    """How every record begins: what made these weights, and their root."""
    return {"studio": __version__, "torch": str(torch.__version__), "weights_root": root}
