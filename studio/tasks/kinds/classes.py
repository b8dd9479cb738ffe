"""Which class of transformers answers for a task: as its checkpoint's files say, or its base's."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.choice import INDEX, SINGLE
from studio.disk.files import inside, read_mapping
from studio.errors import BadCheckpoint, BadData
from studio.tasks.heads import LinearHead
from studio.tasks.own_class import OwnHead, class_for
from studio.tasks.own_head import as_own, own_head

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


def class_of(folder: Path, base: Checkpoint, auto: str, holds_head: bool) -> str:
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
    named = class_named(config_of(folder))
    suffix = auto.removeprefix("AutoModel")
    task = "For" + named.split("For")[-1] if "For" in named else ""
    if not task or task == suffix or re.search("LM|Pre|Generation", task):
        return ""
    kind = _KINDS.get(task)
    what = f"Its type is {kind}." if kind else "Nothing of that kind is scored here."
    return f"{named} does not answer as {_KINDS[suffix]} asks. {what}"


def head_of_class(
    task: str, model_class: str, folder: Path, base: Checkpoint, tensors: Mapping[str, Tensor]
) -> OwnHead:
    """A task's own tensors in its class; see ``own_head``.

    Args:
        task: its name.
        model_class: see ``class_of``.
        folder: of the task's checkpoint.
        base: of the zoo.
        tensors: the checkpoint's own.

    Raises:
        BadData: they do not fit the class.
    """
    files = [folder / each for each in (SINGLE, INDEX) if trained_for(folder)]
    found = next((f" ({file} lies beside it)" for file in files if file.is_file()), "")
    return own_head(task, model_class, _config(folder, base), tensors, base, found)


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


def stored_head(
    task: str, folder: Path, base: Checkpoint, tensors: Mapping[str, Tensor]
) -> OwnHead:
    """The head that an export has written with the configuration of its class.

    Raises:
        BadData: it does not fit.
    """
    config = config_of(folder)
    return own_head(task, class_named(config), config, tensors, base)


def _config(folder: Path, base: Checkpoint) -> dict[str, Any]:
    """Of the checkpoint; of an adapter its base's, which says nothing of the labels."""
    own = config_of(folder)
    if "model_type" in own:
        return own
    return {k: v for k, v in base.config.items() if k not in _OF_LABELS}
