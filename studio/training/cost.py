"""What a training takes, about, before it begins: seconds, memory and room on the disk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from studio.new_zoo.cost import MakeCost, Work, make_cost, rows_of, tokens_of_row
from studio.new_zoo.prepare import Prepared
from studio.training.run import TrainingPlan

_FORWARD, _BACKWARD_WHOLE, _BACKWARD_ADAPTER = 2.0, 4.0, 2.0  # operations by weight and token
_NUMBER = 4  # bytes
_ADAPTER = 0.02  # share of the weights, about
_STATES = 2  # kept at once: the newest and the best
_OF_STATE = 3  # each weight that is trained, and AdamW's two means of it


@dataclass(frozen=True)
class TrainingCost:
    """What a training takes, about.

    Attributes:
        seconds: of all experts, to the last epoch; an early end takes less.
        memory: bytes for weights and optimizer; what a batch passes through comes on top.
        disk: bytes, at the most at once.
        trainings: by how many earlier ones on this computer the seconds are told; 0 for a guess.
    """

    seconds: float
    memory: int
    disk: int
    trainings: int


def training_work(plan: TrainingPlan, rows: Mapping[str, Prepared], device: torch.device) -> Work:
    """What the training of a zoo needs.

    Args:
        plan: of it.
        rows: of its tasks, in their splits.
        device: on which it is trained.
    """
    weights = sum(entry.numel for entry in plan.base.weights.entries.values())
    backward = _BACKWARD_WHOLE if plan.course.whole else _BACKWARD_ADAPTER
    operations = 0.0
    for task in plan.tasks:
        made = rows_of(rows[task.name])
        train, checked = made.counts.get("train", 0), made.counts.get("validation", 0)
        steps = plan.course.steps or math.inf
        epochs = min(plan.course.epochs, steps * plan.course.batch / max(train, 1))
        passes = epochs * (train * (_FORWARD + backward) + checked * _FORWARD)
        fitted = (train + checked) * _FORWARD  # of the head alone
        operations += weights * tokens_of_row(task, made.some) * (passes + fitted)
    share = 1.0 if plan.course.whole else _ADAPTER
    memory = int(weights * _NUMBER * (1 + _OF_STATE * share))
    return Work(operations, weights * _NUMBER, memory, device.type, "training")


def training_cost(plan: TrainingPlan, work: Work) -> TrainingCost:
    """What that takes on this computer, about."""
    made: MakeCost = make_cost(work)
    weights = sum(entry.numel for entry in plan.base.weights.entries.values())
    own = int(weights * _NUMBER * (1.0 if plan.course.whole else _ADAPTER))
    disk = own * (_STATES * _OF_STATE + 2 * len(plan.tasks))  # experts are copied into the zoo
    return TrainingCost(made.seconds, made.memory, disk, made.makes)
