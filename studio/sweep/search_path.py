"""The path of a search across a sweep: its steps, projected on the axes."""

import math
from collections.abc import Callable, Sequence

from studio.search.run import Run
from studio.sweep.axis import FACTOR, Axis, coefficient, mean, names_of


def path_of(run: Run, axes: Sequence[Axis]) -> tuple[tuple[float, ...], ...]:
    """Where a search stood, from its better starting point to its last step.

    A task's coefficient is the mean of its free ones; the factor is the mean of all tasks'
    coefficients divided by that of the recipe before; options stay as they were.

    Args:
        run: of the search.
        axes: of the sweep.

    Returns:
        A value per axis and step; nothing if an axis is no number of the searched recipe.
    """
    first = [step for step in run.steps if step.number == 0]
    if not first:
        return ()
    steps = [first[-1].best.point, *(step.point for step in run.steps if step.number)]
    projections = [_projection(run, axis) for axis in axes]
    if None in projections:
        return ()
    return tuple(tuple(each(point) for each in projections if each) for point in steps)


def _projection(run: Run, axis: Axis) -> Callable[[Sequence[float]], float] | None:
    if axis.name not in names_of(run.before):
        return None
    if axis.name == FACTOR:
        before = _mean([mean(coefficient(run.before, name)) for name in run.before.names])
        return (lambda point: _all(run, point) / before) if before else None
    if axis.task:
        return lambda point: _of_task(run, point, axis.task)
    present = axis.of(run.before)
    return None if present is None else lambda point: present


def _all(run: Run, point: Sequence[float]) -> float:
    return _mean([_of_task(run, point, name) for name in run.free.tasks])


def _of_task(run: Run, point: Sequence[float], task: str) -> float:
    return _mean(run.free.of_task(point, task))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
