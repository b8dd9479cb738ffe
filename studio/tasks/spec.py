"""A task as a zoo file names it: where it lies, of which kind it is, what that kind is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.disk.files import inside, text_field
from studio.errors import BadZoo

EXPERT = "expert"
"""Who has answered the rows of a task that nobody has labelled."""
_ANSWERED = f".answered-by-{EXPERT}"


@dataclass(frozen=True)
class Settings:
    """What an entry says beyond name, checkpoint, type and data; each kind adds its own."""


@dataclass(frozen=True)
class TaskSpec:
    """One entry of a zoo file; paths are absolute.

    Attributes:
        name: what people call it.
        checkpoint: folder or hub id.
        type: the name of its kind.
        settings: of that kind.
        data: {split: file of rows}.
        labelled_by: ``EXPERT`` if its rows hold its own expert's answers; empty for labels.
        answered_by: digest of that expert when it answered; empty if it is not recorded.
        digest: that its checkpoint must have; empty for any.
    """

    name: str
    checkpoint: str
    type: str
    settings: Settings
    data: Mapping[str, Path] = field(default_factory=dict)
    labelled_by: str = ""
    answered_by: str = ""
    digest: str = ""


def answered_name(split: str, ending: str) -> str:
    """What a file of rows is called that hold an expert's answers: never what labels are in."""
    return f"{split}{_ANSWERED}{ending}"


def is_answered(path: Path) -> bool:
    """Whether a file is called as one whose rows hold an expert's answers, and no labels."""
    return Path(path.stem).suffix.lower() == _ANSWERED


def named_file(entry: dict, key: str, folder: Path, where: str) -> Path | None:
    """The file that an entry names by a key, from the zoo's folder; None if it names none.

    Raises:
        BadZoo: what it names is no path, or no regular file.
    """
    if entry.get(key) is None:
        return None
    return existing_file(folder / text_field(entry, key, where, BadZoo), f"{where}: {key}")


def existing_file(path: Path, where: str) -> Path:
    """A path that leads to a regular file of its folder.

    Raises:
        BadZoo: it does not; begins with ``where``.
    """
    try:
        return inside(path.parent, path, BadZoo)
    except BadZoo as problem:
        raise BadZoo(f"{where}: {problem}") from None
