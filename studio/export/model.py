"""A merge as a complete model that transformers loads, with config, tokenizer and classifiers."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.names import PRETRAINING
from studio.checkpoints.writer import write_weights
from studio.errors import BadCheckpoint
from studio.export.card import model_card
from studio.export.classifier import is_own_classifier, unwritten, write_classifier
from studio.export.companions import companions, copy_companions
from studio.export.folder import CARD, Written, write_export
from studio.export.merged import Merged
from studio.export.model_index import NAMELESS, model_index
from studio.export.readback import answers_again, read_back
from studio.export.rounding import Rounding, Tally
from studio.export.union import read_otherwise, write_union
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.progress import Progress, attended, part, silent
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.contract import Kind
from studio.tasks.pretrained import loading_report
from studio.tasks.task import Task

_NOTHING = "No tensor of the written model differs from the base: the merge changes nothing."
_SCALED_BY_TIES = ("t5", "mt5", "umt5", "longt5", "pix2struct_text_model")


@dataclass(frozen=True, eq=False)
class MergedModel(Merged):
    """A merge as a complete model.

    Attributes:
        scores: measured on held-out rows with this merge, for the model card.
        classifiers: also write ``classifiers/<task>``, a complete model for each task whose
            head reads what the architecture's own does.
    """

    scores: Mapping[str, Score] = field(default_factory=dict)
    classifiers: bool = False

    @property
    def size(self) -> int:
        """See ``Content``."""
        once = sum(
            math.prod(self.given.union.shape(name)) * self.given.output_dtype(name).itemsize
            for name in self.given.base.names
        )
        return once * (1 + len(self._copies))

    def write(self, work: Path, progress: Progress) -> Written:
        """See ``Content``."""
        root, rounding, notes = write_model(self.merge, work, progress)
        notes = (*self.merge.notes, *self.head_notes, *unwritten(self.merge, self.heads), *notes)
        scored = [task for task in self.tasks if task.name in self.scores]
        notes += tuple(read_otherwise(self.merge.union, scored, "held_out"))
        for task in self._copies:
            folder = work / "classifiers" / task.name
            _write_classifier(self.merge, folder, task, part(progress, 1.0, 1.0))
        checked, warnings = [*self.told], [*self.doubts]
        if self.checks != "none":
            count, total = read_back(work, self.merge, root)
            checked.append(f"{count} of {total} tensors differ from the base")
            warnings += [] if count else [_NOTHING]
        if self.checks == "full":
            checked += [each for each in [answers_again(work, self.merge)] if each]
        card = model_card(
            self.recorded,
            self.heads,
            self.scores,
            root,
            rounding=rounding.words,
            notes=(*warnings, *notes),
            licence=self.licence,
            index=model_index(NAMELESS, self.merged_tasks, self.scores),
        )
        texts = self.texts(work, root, self.scores, {"rounding": rounding.plain()}) | {CARD: card}
        return Written(root, texts, rounding.words, notes, tuple(checked), tuple(warnings))

    def check(self, work: Path) -> None:
        """See ``Content``."""
        self.refuse_changed()
        if self.checks != "full":
            return
        check_loads(work, self.merge.base, self.merge.changed, self.kind)

    @property
    def _copies(self) -> list[Task]:
        """Tasks of which a complete classifier is written."""
        own = self.heads if self.classifiers else ()
        return [task for task in own if is_own_classifier(self.given.base, task)]


def export(
    merge: Merge, target: Path, progress: Progress = silent, allow_duplicates: bool = False
) -> str:
    """Write a merged model to a new folder, without heads and scores.

    Args:
        merge: what to write.
        target: a folder that does not exist.
        progress: told the share of the work done; raising in it stops the export.
        allow_duplicates: accept equal checkpoints and zero deltas.

    Returns:
        The weights root of the written model.

    Raises:
        OutputExists: ``target`` is there already.
        StudioError: the inputs cannot be merged, or the result does not load.
    """
    content = MergedModel(merge, allow_duplicates=allow_duplicates)
    return write_export(content, target, progress).root


def check_loads(
    folder: Path, base: Checkpoint, merged: Sequence[str] = (), kind: Kind = USUAL_KIND
) -> None:
    """Refuse a written model that lacks a tensor of the base, or that its tasks cannot load.

    A merged tensor that would be left aside counts as lacking. Folders without
    ``config.json`` are only checked by name.

    Args:
        folder: of the written model.
        base: of the merge.
        merged: names of what was merged.
        kind: of the tasks, whose model is loaded if the folder names no class of its own.

    Raises:
        BadCheckpoint: naming the tensors or transformers' reason.
    """
    lost = sorted(set(base.names) - set(open_checkpoint(folder).names))
    if lost:
        raise BadCheckpoint(f"The written model lacks {len(lost)} tensors, first {lost[0]}.")
    if not (folder / "config.json").is_file():
        return
    written = architecture_of(open_checkpoint(folder))
    lacking, aside = loading_report(folder, written.model_class if written else kind.model_class)
    missing = [
        key
        for key in lacking
        if any(name == key or name.endswith("." + key) for name in base.names)
    ]
    missing += [name for name in aside if name in merged and name.split(".")[0] not in PRETRAINING]
    if missing:
        raise BadCheckpoint(
            f"transformers does not use {len(missing)} tensors of the written model, first "
            f"{missing[0]}; the base's config.json does not describe its weights."
        )


def write_model(
    merge: Merge, work: Path, progress: Progress
) -> tuple[str, Rounding, tuple[str, ...]]:
    """Weights, config and tokenizer: the weights root, what the cast lost, what was left out."""
    companions(merge.base)  # refuses a tokenizer that leads elsewhere before the work
    layout = {
        name: (merge.output_dtype(name), merge.union.shape(name)) for name in merge.base.names
    }
    attended(merge.prepare, progress, 0.0, "preparing the merge")
    tally = Tally(merge)
    root = write_weights(work, layout, tally.pieces, progress)
    notes = copy_companions(merge.base, work, merge.recipe.dtype)
    if any(join.twins for join in merge.deltas.joins):
        _untie(work / "config.json")
    write_union(merge.union, work)
    return root, tally.rounding(), notes


def refuse_untying(config: Mapping) -> None:
    """Refuse to untie a class whose output depends on the flag that says so.

    Raises:
        BadCheckpoint: naming the class.
    """
    if config.get("model_type") == "switch_transformers":
        raise BadCheckpoint(
            "A checkpoint has trained its output embeddings apart. Switch Transformers scale "
            "their output by whether both are tied, so that an untied copy would answer otherwise."
        )


def _untie(file: Path) -> None:
    """Let a configuration say that input and output embeddings are stored apart."""
    if file.is_file():
        content = json.loads(file.read_text())
        refuse_untying(content)
        if content.get("model_type") in _SCALED_BY_TIES:  # else T5 reads it off the other flag
            tied = content.get("tie_word_embeddings") is not False
            content.setdefault("scale_decoder_outputs", tied)
        for each in (content, *(part for part in content.values() if isinstance(part, dict))):
            if each is content or each.get("tie_word_embeddings"):
                each["tie_word_embeddings"] = False
        file.write_text(json.dumps(content, indent=2))


def _write_classifier(merge: Merge, folder: Path, task: Task, progress: Progress) -> None:
    folder.mkdir(parents=True)
    copy_companions(merge.base, folder, merge.recipe.dtype)
    write_classifier(merge, task, folder, progress)
    write_union(merge.union, folder)
