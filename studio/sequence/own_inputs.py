"""What enters the layers of one task's expert, measured on the rows that a zoo has of it alone."""

import os
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.weights import Weights
from studio.errors import BadState
from studio.measure.expert_statistics import Statistics, Wanted
from studio.methods.contract import GRAM
from studio.progress import Progress, silent
from studio.sequence.sums import SumState
from studio.tasks.task import open_task
from studio.zoo import Zoo


def own_inputs(
    state: SumState, zoo: Zoo | None, base: Checkpoint, checkpoint: Checkpoint,
    progress: Progress = silent,
) -> Weights | None:  # fmt: skip
    """The Grams that a state's method needs of a task, recalled or measured; None if it needs none.

    No other task's checkpoint or rows are looked at.

    Args:
        state: that the task comes to or goes from.
        zoo: that has the task's rows; None if none was given.
        base: of the state.
        checkpoint: of the task.
        progress: told the share done; raising in it stops it.

    Raises:
        BadState: the zoo has no such task.
        BadData: it has no rows or no head of it.
    """
    if not state.additive.measured or zoo is None:
        return None
    folder = os.path.realpath(checkpoint.folder)
    specs = [each for each in zoo.tasks if os.path.realpath(each.checkpoint) == folder]
    if not specs:
        held = ", ".join(f"'{each.name}'" for each in zoo.tasks)
        raise BadState(
            f"The zoo '{zoo.name}' has no task with the checkpoint {checkpoint.folder}; it has "
            f"{held}. Its rows are needed: give the zoo that has them."
        )
    (spec, *_), method = specs, state.method
    deltas = Deltas(base, [(spec.name, checkpoint)])
    opened = open_task(spec, deltas.private(spec.name), deltas.base)
    statistics = Statistics(deltas, {spec.name: opened})
    return statistics.measure(Wanted(spec.name, GRAM, method.measured_rows), progress)


def checkpoints_of(state: SumState, zoo: Zoo, roots: tuple[Path, ...]) -> dict[str, Checkpoint]:
    """The checkpoints of a zoo that are tasks of a state, by the state's names."""
    digests = {task.digest: task.name for task in state.tasks}
    opened = (open_checkpoint(each.checkpoint, (zoo.folder, *roots)) for each in zoo.tasks)
    return {digests[each.digest]: each for each in opened if each.digest in digests}
