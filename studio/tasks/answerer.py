"""Who answered: the digest of the expert whose answers a task's rows hold, and the zoo's own."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import read_mapping
from studio.errors import StudioError
from studio.tasks.spec import EXPERT, TaskSpec

RECORD = "made.json"  # beside a zoo file
ANSWERED_BY = "answered_by"
_SHOWN = 12


def answered_by(checkpoint: str, digest: str, rows: Mapping[str, str]) -> dict:
    """What the record says of a task that its own expert has answered.

    Args:
        checkpoint: as the zoo file names it.
        digest: of its weights.
        rows: by split, the file of answers, from the zoo's folder.
    """
    return {"checkpoint": checkpoint, "digest": digest, "rows": dict(rows)}


def recorded_answerer(folder: Path, files: Iterable[Path]) -> str:
    """The digest of the expert that answered; empty if nothing that can be read records it.

    The record goes with the files of rows, whatever the task is called by now.

    Args:
        folder: of the zoo.
        files: of the task's rows.
    """
    try:
        tasks = read_mapping(folder / RECORD, StudioError).get("tasks")
    except StudioError:
        return ""
    found = [each.get(ANSWERED_BY) for each in _values(tasks) if isinstance(each, dict)]
    wanted = set(files)
    for each in found:
        if isinstance(each, dict) and isinstance(each.get("digest"), str):
            names = [name for name in _values(each.get("rows")) if isinstance(name, str)]
            if wanted & {folder / name for name in names}:
                return each["digest"]
    return ""


def replaced(spec: TaskSpec, checkpoint: Checkpoint) -> str:
    """A sentence where the zoo's checkpoint is not the one whose answers the rows hold.

    Reads the weights of a checkpoint whose digest is not known; of no task but an answered one.
    """
    if not spec.answered_by or spec.answered_by == checkpoint.known_digest:
        return ""
    then, now = spec.answered_by[:_SHOWN], checkpoint.known_digest[:_SHOWN]
    return (
        f"The rows of '{spec.name}' hold the answers of another checkpoint ({then}…) than the "
        f"zoo's ({now}…), so agreement is with an expert that is no longer here. Put that "
        "checkpoint back, or have the rows answered anew: make the zoo again with New zoo."
    )


def answer_notes(spec: TaskSpec, checkpoint: Checkpoint) -> tuple[str, ...]:
    """What a user should know of a task whose rows hold an expert's answers."""
    if spec.labelled_by != EXPERT:
        return ()
    if not spec.answered_by:
        return (f"No {RECORD} beside the zoo file records which expert answered its rows.",)
    said = replaced(spec, checkpoint)
    return (said,) if said else ()


def _values(data: object) -> list:
    return list(data.values()) if isinstance(data, dict) else []
