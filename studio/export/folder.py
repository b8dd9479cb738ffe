"""The one way in which a model becomes a folder: whole or not at all, and loaded once."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from studio.disk.folders import flush, new_folder
from studio.merge import Merge
from studio.progress import Progress, attended, part, silent
from studio.tasks.task import Task

RECORD = "merge.json"
CARD = "README.md"
Seal = Callable[[Path, str, Progress], None]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        root: weights root.
        texts: ``{file name: text}`` of what lies beside the weights: the record, the card, and
            what else its readers want.
        words: one sentence on what the writing lost, without its full stop; empty if that was not
            measured.
        notes: what was left out or is not as in the base's folder, a sentence each.
        checked: what was compared, a sentence each, without their full stops.
        warnings: what must not be overlooked, a sentence each.
        serve: the command that, in the folder, serves all that was written; empty if none does.
    """

    root: str
    texts: Mapping[str, str]
    words: str = ""
    notes: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    serve: str = ""

    @property
    def serving(self) -> str:
        """A sentence on how to serve what was written; empty if nobody says."""
        return f"Serve all of it at once, in that folder: {self.serve}" if self.serve else ""


class Content(ABC):
    """What an export holds: a merged model, an adapter, or the model of a sequence's state.

    Attributes:
        merge: that it is computed from, resting on nothing that was kept; None for a state.
        heads: tasks whose heads are written beside the weights.
    """

    merge: Merge | None = None
    heads: Sequence[Task] = ()

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of the weights that are written.

        Raises:
            StudioError: it cannot be written in this form.
        """

    @property
    @abstractmethod
    def held(self) -> dict:
        """What is in it, for the ledger: digests and names, no places and no people."""

    @abstractmethod
    def prepare(self, progress: Progress) -> None:
        """Read what it is made of, and refuse what must not be written."""

    @abstractmethod
    def write(self, work: Path, progress: Progress) -> Written:
        """Write weights and what their loader needs into an empty folder."""

    @abstractmethod
    def check(self, work: Path) -> None:
        """Load what was written once.

        Raises:
            StudioError: it does not load.
        """


def write_export(
    content: Content, target: Path, progress: Progress = silent, seal: Seal | None = None
) -> Written:
    """Write a new folder; either all of it is there afterwards, or nothing.

    Args:
        content: what to write.
        target: a folder that does not exist.
        progress: told the share of the work done; raising in it stops the export.
        seal: adds to the folder once everything else is in it and was loaded: told the folder and
            the weights root.

    Raises:
        OutputExists: ``target`` is there already.
        StudioError: the content cannot be written, or the result does not load.
    """
    with new_folder(target, content.size) as work:
        content.prepare(part(progress, 0.0, 0.2))
        made = content.write(work, part(progress, 0.2, 0.9))
        for task in content.heads:
            write_head(work / "heads" / task.name, task)
        for name, text in made.texts.items():
            (work / name).write_text(text, encoding="utf-8")
        check = partial(content.check, work)
        attended(check, progress, 0.9, "loading the result once to check it")
        if seal:
            seal(work, made.root, part(progress, 0.9, 0.98))
        attended(partial(flush, work), progress, 0.98, "flushing to the disk")
        progress(1.0, "done")
    return made


def write_head(folder: Path, task: Task) -> None:
    """Write a task's head, labels and settings into a new folder."""
    folder.mkdir(parents=True)
    task.kind.write(folder, task.spec, task.opened)
