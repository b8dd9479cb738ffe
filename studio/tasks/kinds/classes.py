"""Which class of transformers answers for a task: as its checkpoint's files say, or its base's."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.choice import INDEX, SINGLE
from studio.checkpoints.vocabulary import in_tokens_of
from studio.disk.files import inside, read_mapping, source_folder
from studio.errors import BadCheckpoint, BadData
from studio.tasks.heads import LinearHead, head_from_file, tensors_of
from studio.tasks.own_class import OwnHead, class_for, is_known
from studio.tasks.own_head import as_own, own_head
from studio.tasks.spec import TaskSpec

_ADAPTERS = {
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
}
_KINDS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForImageClassification": "image-classification",
    "ForMultipleChoice": "multiple-choice",
}
_OF_LABELS = ("id2label", "label2id", "num_labels", "problem_type")


def config_of(folder: Path) -> dict:
    """A folder's ``config.json``; empty if it has none."""
    file = folder / "config.json"
    return read_mapping(inside(folder, file), BadCheckpoint) if os.path.lexists(file) else {}


def class_named(config: Mapping[str, Any]) -> str:
    """The class that a configuration names; empty if it names none."""
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def trained_for(folder: Path) -> str:
    """The auto class whose head an adapter was trained with; empty if it says none."""
    file = folder / "adapter_config.json"
    if not os.path.lexists(file):
        return ""
    task = read_mapping(inside(folder, file), BadCheckpoint).get("task_type")
    return _ADAPTERS.get(task, "") if isinstance(task, str) else ""


def class_of(folder: Path, base: Checkpoint, auto: str, holds_head: bool = True) -> str:
    """The class that answers for a task; empty if nothing says one.

    Args:
        folder: of the task's checkpoint.
        base: of the zoo.
        auto: name of the auto class of the task's kind.
        holds_head: whether the head is among the checkpoint's own tensors; without a class that
            says so, it is that of its family.
    """
    config = config_of(folder)
    named = class_named(config)
    said = named.endswith(auto.removeprefix("AutoModel")) or trained_for(folder) == auto
    if not said and (not holds_head or other_task(folder, auto)):
        return ""
    return class_for(auto, config if "model_type" in config else base.config, named)


def other_task(folder: Path, auto: str) -> str:
    """That a checkpoint's class answers another kind of question; empty if it does not."""
    suffix = auto.removeprefix("AutoModel")
    trained = trained_for(folder).removeprefix("AutoModel")
    if trained and trained != suffix:
        what = f"Its type is {_KINDS[trained]}."
        return f"An adapter trained {trained} does not answer as {_KINDS[suffix]} asks. {what}"
    named = class_named(config_of(folder))
    task = "For" + named.split("For")[-1] if "For" in named else ""
    if not task or task == suffix or re.search("LM|PreTraining|Generation", task):
        return ""
    kind = _KINDS.get(task)
    what = f"Its type is {kind}." if kind else "Nothing of that kind is scored here."
    return f"{named} does not answer as {_KINDS[suffix]} asks. {what}"


def head_of(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None, auto: str,
    labels: Sequence[str], written: bool, as_class: bool = True,
) -> tuple[LinearHead | OwnHead, bool, tuple[str, ...]] | None:  # fmt: skip
    """The head of a task, whether it is the checkpoint's own, and what a user should know.

    Args:
        spec: the zoo's entry.
        private: the checkpoint's tensors that are not merged.
        base: of the zoo.
        file: of a head; None for the checkpoint's own.
        auto: name of the auto class of the task's kind.
        labels: by the zoo; empty if it names none.
        written: whether an export has written the file.
        as_class: whether a linear head of a file is read as the checkpoint's class reads its own.

    Returns:
        None if there is no file, and no class of transformers is the checkpoint's.

    Raises:
        BadData: the tensors do not fit.
    """
    folder = source_folder(spec.checkpoint)
    if file and written and config_of(file.parent):
        return _stored(spec.name, file.parent, base, tensors_of(file)), False, ()
    named = class_of(folder, base, auto, holds_head=not file)
    note = (f"answered by {named}, the class of its checkpoint.",) if named else ()
    if file:
        head = head_from_file(file, len(labels) or None, spec.name)
        put = None
        if named and as_class and not written:
            put = file_in_class(spec.name, named, folder, base, head)
        return (put, False, note) if put else (head, False, ())
    _refuse_foreign(spec.name, folder)
    if not named:
        return None
    files = [folder / each for each in (SINGLE, INDEX) if trained_for(folder)]
    beside = next((f" ({each} lies beside it)" for each in files if each.is_file()), "")
    config = _config(folder, base)
    return own_head(spec.name, named, config, private, base, beside), True, note


def _refuse_foreign(task: str, folder: Path) -> None:
    """Refuse a head of a class that only the checkpoint's own code would know."""
    named = class_named(config_of(folder))
    if named and not is_known(named):
        raise BadData(
            f"'{task}': its config.json names {named}, which is no class of transformers. Code "
            "that comes with a checkpoint is never run, so nobody knows how its head answers. Give "
            "the task a head file, or leave its data out to merge it without scores."
        )


def file_in_class(
    task: str, model_class: str, folder: Path, base: Checkpoint, head: LinearHead
) -> OwnHead | None:
    """A linear head in a class, if that is what the class has; None else."""
    config = {k: v for k, v in _config(folder, base).items() if k not in _OF_LABELS}
    tensors = as_own(model_class, config, head)
    if tensors is None:
        return None
    try:
        return own_head(task, model_class, {**config, "num_labels": head.options}, tensors, base)
    except BadData:
        return None


def _stored(task: str, folder: Path, base: Checkpoint, tensors: Mapping[str, Tensor]) -> OwnHead:
    """The head that an export has written with the configuration of its class.

    Raises:
        BadData: it does not fit.
    """
    config = config_of(folder)
    return own_head(task, class_named(config), config, tensors, base)


def _config(folder: Path, base: Checkpoint) -> dict[str, Any]:
    """Of the checkpoint, in the base's tokens; of an adapter its base's, without the labels."""
    own = config_of(folder)
    if "model_type" in own:
        return own | in_tokens_of(base, replace(base, folder=folder), own)
    return {k: v for k, v in base.config.items() if k not in _OF_LABELS}
