"""Curves of a search for coefficients: loss, validation accuracy, paths; another run beside it."""

from collections.abc import Callable, Sequence
from math import floor, inf, log10
from statistics import fmean, pstdev

from studio.search.run import Run
from studio.search.state import SearchStep
from studio.session.search_view import GRAINS, UNITS
from studio.tasks.metric import LOSS
from studio.ui.charts.lines import Chart, Point, Series

MOST_MARKS = 40
_MOST_POINTS = 300
_LOSS_UNITS = {
    "labels": "cross-entropy, nats", "entropy": "entropy, nats",
    "expert": "divergence from the expert, nats",
}  # fmt: skip


def charts(run: Run, other: Run | None, name: str) -> dict[str, tuple[Chart, str]]:
    """Every chart with its words: of a run, and of an earlier one as dashed lines."""
    across, x = _axis(run, other)
    most = max(x(each.steps[-1]) for each in (run, other) if each)
    made = {
        "loss": ("Loss per task", _losses(run, x), _checked(other, run, x, name, "losses")),
        "accuracy": (
            f"Validation {run.share}", _accuracies(run, x),
            _checked(other, run, x, name, "accuracies"),
        ),
        "path": ("Coefficient paths", _paths(run, run, x, ""), _paths(other, run, x, name)),
    }  # fmt: skip
    found = {}
    for key, (title, own, beside) in made.items():
        if own:
            percent, words = key == "accuracy", _words(key, run)
            limits = (0.0, 1.0) if percent else (-inf, inf)
            series = (*own, *beside)
            chart = Chart(title, across, series, _ticks(most), percent, limits, (words,))
            found[key] = chart, words
    return found


def _words(key: str, run: Run) -> str:
    check = sum(each[1] for each in run.rows)
    if key == "loss":
        return (
            f"{_LOSS_UNITS[run.plan.loss].capitalize()}{_per(run)}. Thin: on the rows of each "
            f"step, which differ. Marked: on the rows that decide, the same n={check:,} at every "
            "look."
        )
    if key == "accuracy":
        return f"On the n={check:,} rows that decide; the search has looked at them."
    if run.plan.granularity == "task":
        return "One coefficient per task."
    spread = "one standard deviation over its coefficients"
    return f"Mean of each task's coefficients, {GRAINS[run.plan.granularity]}; bands: {spread}."


def _per(run: Run) -> str:
    """What losses are shared among, where that is not the rows of all tasks."""
    losses = [task for task, metric in run.metrics.items() if metric is LOSS]
    return f" (of {', '.join(losses)}: {LOSS.unit})" if losses else ""


def _axis(run: Run, other: Run | None) -> tuple[str, Callable[[SearchStep], float]]:
    """What two runs are compared by: steps, unless those cost differently."""
    if other is not None and other.plan.optimizer != run.plan.optimizer:
        return "row evaluations", lambda step: float(step.rows)
    return UNITS[run.plan.optimizer], lambda step: float(step.number)


def _losses(run: Run, x: Callable[[SearchStep], float]) -> list[Series]:
    walked = [step for step in run.steps if step.number]
    thin = [
        Series(task, i, _some([(x(s), s.losses[i], None) for s in walked], _MOST_POINTS), "thin")
        for i, task in enumerate(run.free.tasks)
        if walked
    ]
    return thin + [
        Series(task, i, _some([(x(s), s.checked.losses[i], None) for s in looks(run)]))
        for i, task in enumerate(run.free.tasks)
    ]


def _accuracies(run: Run, x: Callable[[SearchStep], float]) -> list[Series]:
    found, tasks = [(x(s), s.checked) for s in looks(run)], run.free.tasks
    if any(kept.accuracies is None for _, kept in found):
        return []
    each = [
        Series(task, i, _some([(at, kept.accuracies[i], None) for at, kept in found]), "thin")
        for i, task in enumerate(tasks)
    ]
    if run.mean_share(run.best) is None:
        return each
    mean = _some([(at, kept.accuracy, None) for at, kept in found])
    return [*each, Series("mean over tasks", len(tasks), mean)]


def _checked(
    other: Run | None, run: Run, x: Callable[[SearchStep], float], name: str, part: str
) -> list[Series]:
    """An earlier run on the rows that decide: losses per task, or the mean accuracy."""
    if other is None or (other.plan.loss != run.plan.loss and part == "losses"):
        return []
    found = [(x(step), step.checked) for step in looks(other)]
    if part == "losses":
        return [
            Series(f"{task}, {name}", number,
                   _some([(at, kept.losses[i], None) for at, kept in found]), "dashed")
            for i, number, task in _shared(other, run)
        ]  # fmt: skip
    alike = set(other.free.tasks) == set(run.free.tasks)
    if not alike or any(other.mean_share(kept) is None for _, kept in found):
        return []
    points = _some([(at, kept.accuracy, None) for at, kept in found])
    return [Series(f"mean over tasks, {name}", len(run.free.tasks), points, "dashed")]


def _paths(
    other: Run | None, run: Run, x: Callable[[SearchStep], float], name: str
) -> list[Series]:
    if other is None:
        return []
    path = thinned(_path(other), _MOST_POINTS)
    found = []
    for _, number, task in _shared(other, run):
        values = [(x(step), other.free.of_task(step.point, task)) for step in path]
        points = tuple(
            (at, fmean(own), pstdev(own) if len(own) > 1 and not name else None)
            for at, own in values
            if own
        )
        style = "dashed" if name else "plain"
        found += [Series(f"{task}, {name}" if name else task, number, points, style)]
    return [each for each in found if each.points]


def _shared(other: Run, run: Run) -> list[tuple[int, int, str]]:
    """Tasks of both: index in the other, number of the color, name."""
    known = {task: number for number, task in enumerate(run.free.tasks)}
    return [(i, known[task], task) for i, task in enumerate(other.free.tasks) if task in known]


def looks(run: Run) -> list:
    """The steps at which the rows that decide were asked."""
    return [step for step in _path(run) if step.checked is not None]


def _some(points: Sequence, most: int = MOST_MARKS) -> tuple[Point, ...]:
    return tuple(thinned(points, most))


def thinned(points: Sequence, most: int) -> list:
    """At most so many, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    places = {round(k * (len(points) - 1) / (most - 1)) for k in range(most)}
    return [points[place] for place in sorted(places)]


def _ticks(last: float) -> tuple[float, ...]:
    """Round values from 0 to the last."""
    power = 10.0 ** floor(log10(max(last, 1.0) / 5))
    step = max(next(power * k for k in (1, 2, 5, 10) if last / (power * k) <= 5), 1.0)
    return tuple(step * k for k in range(int(last / step) + 1))


def first(run: Run) -> SearchStep:
    """The starting point that a search went on from."""
    return min((each for each in run.steps if each.number == 0), key=lambda step: step.value)


def _path(run: Run) -> list[SearchStep]:
    """The steps of a search, from the point that it started at."""
    return [first(run), *(each for each in run.steps if each.number)]
