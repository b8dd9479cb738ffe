"""Names of tasks, made of those of folders."""

import re
from pathlib import Path

from studio.errors import BadCheckpoint
from studio.recipe import task_name

_TELL_NOTHING = re.compile(
    r"(adapter|adapters|adapter_model|model|final|final_model|best|best_model|output|outputs|lora|"
    r"checkpoint|checkpoints|run|runs|weights|last|merged|hf|(checkpoint|step|epoch)[-_]\d+)"
    r"(\.safetensors)?",
    re.IGNORECASE,
)


def called(folder: Path) -> str:
    """A name for a task: the last folder whose name tells something."""
    for part in (folder, *folder.parents):
        stem = part.name.removesuffix(".safetensors")
        if stem and not _TELL_NOTHING.fullmatch(stem):
            return as_name(stem)
    return "task"


def as_name(text: str) -> str:
    """A task name made of any text: what no name may hold is left out."""
    kept = re.sub(r'[/\\:*?"<>|\x00-\x1f]+', "-", text).strip(" .")[:80]
    try:
        return task_name(kept, "", BadCheckpoint)
    except BadCheckpoint:
        return "task"
