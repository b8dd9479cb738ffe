"""What making a zoo takes, about: seconds by this computer's earlier makes, and memory."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from studio.checkpoints.checkpoint import Checkpoint
from studio.device import resident_limit
from studio.disk.cache import cache_key, keep, recall
from studio.new_zoo.plan import NewTask
from studio.new_zoo.prepare import Prepared
from studio.new_zoo.tables import Cells

_SPEED = {"cpu": 2e10}  # operations in a second, as a guess where nothing was measured
_SPEED_ELSE = 2e12
_READ = 2e8  # bytes in a second, as a guess
_START = 2.0  # seconds that each make takes, as a guess
_LETTERS_OF_TOKEN, _LONGEST, _OF_PICTURE = 4, 512, 197
_LOOKED_AT = 50  # rows of a split
_REMEMBERED = 8  # makes
_PRECISION = 4  # bytes of a number of the live model


@dataclass(frozen=True)
class Rows:
    """Of a task, what decides how long its rows take.

    Attributes:
        counts: rows by split.
        unanswered: whether its own expert answers them.
        some: a few of them, by the names of their kind, from which their length is taken.
    """

    counts: dict[str, int]
    unanswered: bool
    some: Sequence[Cells]


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        operations: of the model, two for each parameter and token.
        read: bytes of weights.
        memory: bytes, about.
        device: kind of the device of the model.
        what: is done, by which earlier times are told apart.
    """

    operations: float
    read: int
    memory: int
    device: str
    what: str = "making a zoo"

    @property
    def guess(self) -> float:
        """Seconds, if this computer were a usual one."""
        speed = _SPEED.get(self.device, _SPEED_ELSE)
        return _START + self.operations / speed + self.read / _READ


@dataclass(frozen=True)
class MakeCost:
    """What making a zoo takes.

    Attributes:
        seconds: about.
        memory: bytes, about.
        makes: by how many earlier ones on this computer the seconds are told; 0 for a guess.
    """

    seconds: float
    memory: int
    makes: int


def rows_of(made: Prepared) -> Rows:
    """What decides how long rows take that were put into splits."""
    some = [row for found in made.rows.values() for row in found[:_LOOKED_AT]]
    said = [{name: cell for name, cell in row.items() if name != "label"} for row in some]
    counts = {split: len(found) for split, found in made.rows.items()}
    return Rows(counts, made.unanswered, said)


def work_of(
    base: Checkpoint, tasks: Sequence[tuple[NewTask, Rows, int]], device: torch.device
) -> Work:
    """What making a zoo needs.

    Args:
        base: of the zoo.
        tasks: each with its rows, and the numbers that it changes of the base.
        device: of the model.
    """
    parameters = sum(entry.numel for entry in base.weights.entries.values())
    read = sum(entry.size for entry in base.weights.entries.values())
    operations, deltas, runs = 0.0, 0, False
    for task, rows, changed in tasks:
        deltas += _PRECISION * changed
        fitted = 2 * (rows.counts.get("train", 0) + rows.counts.get("validation", 0))
        asked = sum(rows.counts.values()) if rows.unanswered else 0
        count = (fitted if task.needs_head else 0) + asked
        operations += 2.0 * parameters * count * tokens_of_row(task, rows.some)
        runs = runs or bool(rows.counts)
    held = deltas if deltas <= resident_limit() else 0
    return Work(operations, read + deltas, runs * _PRECISION * parameters + held, device.type)


def make_cost(work: Work) -> MakeCost:
    """What some work takes on this computer, about."""
    ratios = _earlier(work)
    factor = median(ratios) if ratios else 1.0
    return MakeCost(work.guess * factor, work.memory, len(ratios))


def note_make(work: Work, seconds: float) -> None:
    """Remember how long some work has taken here."""
    ratios = [*_earlier(work), seconds / work.guess][-_REMEMBERED:]
    keep(_key(work), json.dumps(ratios).encode())


def _key(work: Work) -> str:
    return cache_key(f"seconds of {work.what}", work.device)


def _earlier(work: Work) -> list[float]:
    """Of earlier times, how many times longer than guessed each has taken."""
    try:
        found = json.loads(recall(_key(work)) or b"[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, float) and each > 0]


def tokens_of_row(task: NewTask, some: Sequence[Cells]) -> float:
    """Tokens of a row, about, by some of a task's."""
    if task.kind == "image-classification":
        return _OF_PICTURE
    letters = [sum(len(str(cell)) for cell in row.values()) for row in some]
    mean = sum(letters) / len(letters) if letters else 0.0
    return min(2 + mean / _LETTERS_OF_TOKEN, _LONGEST)
