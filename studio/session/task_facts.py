"""What a task of the open zoo is made of: its checkpoint's kind and digest, and its rows."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.zoo import SPLITS


@dataclass(frozen=True)
class TaskFacts:
    """A task, as a record would name it.

    Attributes:
        kind: of its checkpoint.
        digest: of its checkpoint, by which recipes and certificates know it.
        rows: {split: how many}; splits that the zoo names no file for, or that cannot be read, are
            not there.
    """

    kind: str
    digest: str
    rows: Mapping[str, int]


def task_facts(bench: Bench) -> dict[str, TaskFacts]:
    """Of every task; empty until the deltas were measured, which takes the digests.

    Raises:
        BadCheckpoint: a file was changed since.
    """
    if "gram" not in vars(bench):
        return {}
    found = {}
    for name, checkpoint in zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True):
        task, rows = bench.tasks[name], {}
        for split in (each for each in SPLITS if each in task.spec.data):
            with suppress(StudioError):  # whoever needs them says what is wrong with them
                rows[split] = len(task.rows(split))
        found[name] = TaskFacts(checkpoint.kind, checkpoint.known_digest, rows)
    return found
