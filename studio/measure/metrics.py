"""Metrics made of scores: means, gain kept, and what is learned and forgotten over a sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Protocol

from studio.measure.intervals import Score
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS, METRICS, Metric, joint

_LEAST = 1e-9  # nats, below which a loss is none


class Scored(Protocol):
    """What is in a metric: a score, a change."""

    @property
    def metric(self) -> Metric:
        """That it is in."""
        ...


@dataclass(frozen=True)
class Mean:
    """The unweighted mean over the tasks of one metric.

    Attributes:
        metric: of all of them.
        value: in it.
        half: half of its 95 % interval; the tasks' rows are independent of one another.
        n: rows of all of them.
        tasks: how many.
    """

    metric: Metric
    value: float
    half: float
    n: int
    tasks: int

    @property
    def name(self) -> str:
        """In words."""
        return f"mean {self.metric.name}"

    @property
    def shown(self) -> str:
        """The value, for people."""
        return self.metric.shown(self.value)

    @property
    def words(self) -> str:
        """The value with half of its interval."""
        return f"{self.shown} ± {self.metric.amount(self.half)}"

    @property
    def perplexity(self) -> float | None:
        """Of a loss: of the mean, the geometric mean of the tasks' perplexities; else None."""
        return exp(self.value) if self.metric is LOSS else None


def means(scores: Mapping[str, Score]) -> tuple[Mean, ...]:
    """The mean of every metric that the tasks have, accuracy first."""
    found = []
    for metric in METRICS:
        own = [score for score in scores.values() if score.metric is metric]
        if own:
            half = sqrt(sum(score.half**2 for score in own)) / len(own)
            value = sum(score.value for score in own) / len(own)
            found.append(Mean(metric, value, half, sum(score.n for score in own), len(own)))
    return tuple(found)


def means_words(scores: Mapping[str, Score]) -> str:
    """Every mean by its name, for people."""
    return ", ".join(f"{mean.name} {mean.shown}" for mean in means(scores))


def means_over(scores: Mapping[str, Scored]) -> str:
    """What one mean of all tasks is over, where agreement is in it with something else.

    Args:
        scores: or changes, by task.

    Returns:
        Such as "mean of accuracy (2 tasks) and agreement (1 task)"; else nothing.
    """
    counts = {m: sum(each.metric is m for each in scores.values()) for m in METRICS}
    parts = [f"{m.name} ({n} {'task' if n == 1 else 'tasks'})" for m, n in counts.items() if n]
    return f"mean of {' and '.join(parts)}" if counts[AGREEMENT] and len(parts) > 1 else ""


def marked(name: str, metric: Metric) -> str:
    """A task's name in a table: one that is scored by agreement says so."""
    return f"{name} ({AGREEMENT.name})" if metric is AGREEMENT else name


def mean_column(metric: Metric) -> str:
    """The heading of a column of means in a table of numbers."""
    return "mean" if metric is ACCURACY else f"mean {metric.name}"


def mean_score(scores: Mapping[str, Score]) -> float:
    """Unweighted mean over tasks that have one metric."""
    (mean,) = means(scores)
    return mean.value


def worth(scores: Mapping[str, Score]) -> float:
    """By what one model is chosen before another: higher is better.

    The mean over tasks, of losses with the opposite sign. Where tasks have different metrics, each
    loss counts by its logarithm, so that a percent of it weighs as much as a point of accuracy.
    """
    metric = joint(score.metric for score in scores.values())
    if metric in METRICS:
        return metric.sign * mean_score(scores)
    each = (
        s.value if s.metric is not LOSS else -log(max(s.value, _LEAST)) for s in scores.values()
    )
    return sum(each) / len(scores)


def scores_json(scores: Mapping[str, Score]) -> dict:
    """``{"tasks": {name: {accuracy or loss, n, low, high, interval}}, "mean": ...}``.

    The mean is of one metric: null where tasks have several, and then ``means`` has one of each.
    """
    found = means(scores)
    plain = {
        "tasks": {name: score.plain() for name, score in scores.items()},
        "mean": found[0].value if len(found) == 1 else None,
    }
    return plain | ({"means": means_json(scores)} if len(found) > 1 else {})


def means_json(scores: Mapping[str, Score]) -> dict:
    """``{metric: {"mean", "half"}}``."""
    return {x.metric.name: {"mean": x.value, "half": x.half} for x in means(scores)}


def gain_kept(
    merged: Mapping[str, Score], expert: Mapping[str, Score], floor: Mapping[str, Score]
) -> float | None:
    """Share of the experts' gain over head-only that a merge keeps.

    Returns:
        sum_i (merged - floor) / sum_i (expert - floor), the same for losses, since both signs turn;
        of tasks of several metrics the mean of their shares, by the number of tasks. None if the
        experts of a metric gain nothing.
    """
    shares = 0.0
    for metric in {score.metric for score in merged.values()}:
        own = [name for name, score in merged.items() if score.metric is metric]
        gain = sum(metric.sign * (expert[name].value - floor[name].value) for name in own)
        kept = sum(metric.sign * (merged[name].value - floor[name].value) for name in own)
        if gain <= 0:
            return None
        shares += kept / gain * len(own)
    return shares / len(merged) if merged else None


def average_score(steps: Sequence[Sequence[float]], columns: Sequence[int]) -> float:
    """ACC: mean of the last model's scores.

    Args:
        steps: ``steps[t][i]`` is the score on task i of the model after t + 1 tasks.
        columns: of the tasks that are meant.
    """
    return sum(steps[-1][i] for i in columns) / len(columns)


def backward_transfer(steps: Sequence[Sequence[float]], columns: Sequence[int]) -> float | None:
    """BWT: mean over tasks but the last to arrive of (score at the end - score on arrival).

    Args:
        steps: see ``average_score``.
        columns: of the tasks that are meant.

    Returns:
        None if the last to arrive is the only one of them.
    """
    earlier = [i for i in columns if i < len(steps) - 1]
    return sum(steps[-1][i] - steps[i][i] for i in earlier) / len(earlier) if earlier else None


def forward_transfer(
    steps: Sequence[Sequence[float]], base: Sequence[float], columns: Sequence[int]
) -> float | None:
    """FWT: mean over tasks but the first to arrive of (score just before arrival - the base's).

    Args:
        steps: see ``average_score``.
        base: of every task, the base's score.
        columns: of the tasks that are meant.

    Returns:
        None if the first to arrive is the only one of them.
    """
    later = [i for i in columns if 0 < i < len(steps)]
    return sum(steps[i - 1][i] - base[i] for i in later) / len(later) if later else None


def unmerge_drop(
    before: Mapping[str, Score], after: Mapping[str, Score], removed: str
) -> dict[str, float]:
    """UAD of every kept task when one is unmerged: how much worse it is, in its metric."""
    return {
        name: score.metric.sign * (score.value - after[name].value)
        for name, score in before.items()
        if name != removed
    }
