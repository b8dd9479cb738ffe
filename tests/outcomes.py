"""Outcomes made up of right and wrong answers or of losses, for tests that measure nothing."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from studio.measure.marks import Marks
from studio.measure.outcomes import Outcome
from studio.tasks.metric import LOSS


def outcome(correct: Mapping, groups: Mapping | None = None, **costs) -> Outcome:
    """An outcome of tasks that are scored by accuracy.

    Args:
        correct: per task 1 for right and 0 for wrong, of each row.
        groups: per task labels of rows that belong together; None if all are independent.
        costs: see ``Outcome``.
    """
    marks = {name: Marks(np.asarray(right, float)) for name, right in correct.items()}
    return Outcome(marks, groups or dict.fromkeys(correct), **costs)


def with_losses(found: Outcome, nats: Mapping) -> Outcome:
    """The same with tasks that are scored by a loss: nats of documents of two tokens."""
    marks = {}
    for name, values in nats.items():
        each = np.asarray(values, float)
        marks[name] = Marks(each, LOSS, np.full(len(each), 2.0), np.full(len(each), 8.0))
    return replace(
        found, marks={**found.marks, **marks}, groups={**found.groups, **dict.fromkeys(nats)}
    )
