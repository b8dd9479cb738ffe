"""Names of tasks, made of those of folders."""

import re
import unicodedata
from pathlib import Path

from studio.errors import BadCheckpoint, visible
from studio.recipe import task_name

_MOST_BYTES = 200  # which leaves room for a number behind it
_TELL_NOTHING = re.compile(
    r"(adapter|adapters|adapter_model|model|final|final_model|best|best_model|output|outputs|lora|"
    r"checkpoint|checkpoints|run|runs|weights|last|merged|hf|(checkpoint|step|epoch)[-_]\d+)"
    r"(\.safetensors)?",
    re.IGNORECASE,
)


def called(folder: Path) -> str:
    """A name for a task: the last folder whose name tells something."""
    return as_name(telling(folder))


def telling(folder: Path) -> str:
    """The name of the last folder that tells something; empty if none does."""
    for part in (folder, *folder.parents):
        stem = part.name.removesuffix(".safetensors")
        if stem and not _TELL_NOTHING.fullmatch(stem):
            return stem
    return ""


def as_name(text: str) -> str:
    """A task name made of any text: what no name may hold is left out.

    Letters of every script stay; what cannot be seen, such as the marks that turn the direction
    of writing, does not.
    """
    text = "".join(x for x in unicodedata.normalize("NFC", text) if x.isprintable() or x == "\n")
    kept = re.sub(r'[/\\:*?"<>|\n]+', "-", text)[:80]
    while len(kept.encode("utf-8", "replace")) > _MOST_BYTES:
        kept = kept[:-1]
    kept = kept.strip(" .")
    for each in (
        (kept, f"task-{kept}") if kept else ()
    ):  # NUL is the name of a device, and task-NUL is none
        try:
            return task_name(each, "", BadCheckpoint)
        except BadCheckpoint:
            continue
    return "task"


def renamed(folder: Path, name: str) -> str:
    """That a task could not be called as its folder is, in a sentence; empty if it is."""
    told = telling(folder)
    if not told or unicodedata.normalize("NFC", told) == name:
        return ""
    return f"The folder {visible(told)} becomes the task '{name}', which can be told apart."
