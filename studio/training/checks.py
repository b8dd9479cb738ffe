"""What a training's validation rows said at its steps, and how it may end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EARLY, DIVERGED, WHOLE = "early", "diverged", "whole"


@dataclass(frozen=True)
class Check:
    """What the validation rows said at a step.

    Attributes:
        step: of training; 0 before the first.
        loss: in nats per question, or per token.
        accuracy: share of right answers; None where there are none.
    """

    step: int
    loss: float
    accuracy: float | None


Told = Callable[[str, tuple[Check, ...]], None]
"""Is given a task's name and all checks of its training so far."""


def unheard(task: str, found: tuple[Check, ...]) -> None:
    """Tell nobody."""


def checks(history: list[dict[str, Any]]) -> tuple[Check, ...]:
    """The checks on validation rows in a Trainer's history, in their order."""
    return tuple(
        Check(int(each["step"]), each["eval_loss"], each.get("eval_accuracy"))
        for each in history if "eval_loss" in each
    )  # fmt: skip


def losses(history: list[dict[str, Any]]) -> tuple[tuple[int, float], ...]:
    """The mean training losses in a Trainer's history: each since the one before."""
    return tuple((int(each["step"]), each["loss"]) for each in history if "loss" in each)
