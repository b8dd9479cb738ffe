"""Scores with their number of rows and a 95 % interval, and the metrics made of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

NORMAL = 1.959963984540054  # the normal distribution's 97.5 % point
_RESAMPLES, _SLICES = 2000, 20


@dataclass(frozen=True)
class Score:
    """Accuracy on some rows.

    Attributes:
        accuracy: share of rows that are right, 0 to 1.
        n: rows.
        low: lower end of the 95 % interval.
        high: upper end.
        interval: 'wilson' (over rows), 'cluster-bootstrap' (over groups of rows), or 'paired' (the
            last full pass and the change since).
    """

    accuracy: float
    n: int
    low: float
    high: float
    interval: str


def score(correct: np.ndarray, groups: np.ndarray | None) -> Score:
    """Accuracy with its interval.

    Args:
        correct: ``(n,)`` of 0 and 1, n >= 1.
        groups: ``(n,)`` labels of rows that belong together; None if rows are independent.
    """
    right, n = int(correct.sum()), len(correct)
    if groups is not None:
        low, high = cluster_bootstrap(correct, groups)
        if low < high:
            return Score(right / n, n, low, high, "cluster-bootstrap")
        clusters = len(np.unique(groups))  # all right or all wrong: resampling sees no spread
        low, high = wilson(right / n * clusters, clusters)
        return Score(right / n, n, low, high, "wilson")
    low, high = wilson(right, n)
    return Score(right / n, n, low, high, "wilson")


def wilson(right: float, n: int) -> tuple[float, float]:
    """95 % interval of a share.

    Args:
        right: successes, 0 to n.
        n: trials, at least 1.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212.
    """
    share, square = right / n, NORMAL * NORMAL / n
    middle = (share + square / 2) / (1 + square)
    half = NORMAL / (1 + square) * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def cluster_bootstrap(correct: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the accuracy when whole groups are resampled (seed 0)."""
    _, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index).astype(float)
    right = np.bincount(index, weights=correct)
    generator, shares = np.random.default_rng(0), []
    for _ in range(_SLICES):
        drawn = generator.integers(0, len(sizes), (_RESAMPLES // _SLICES, len(sizes)), np.int32)
        shares.append(right[drawn].sum(1) / sizes[drawn].sum(1))
    low, high = np.percentile(np.concatenate(shares), [2.5, 97.5])
    return float(low), float(high)


def mean_accuracy(scores: Mapping[str, Score]) -> float:
    """Unweighted mean over tasks."""
    return sum(s.accuracy for s in scores.values()) / len(scores)


def scores_json(scores: Mapping[str, Score]) -> dict:
    """``{"tasks": {name: {accuracy, n, low, high, interval}}, "mean": ...}``."""
    tasks = {name: asdict(s) for name, s in scores.items()}
    return {"tasks": tasks, "mean": mean_accuracy(scores) if scores else None}


def gain_kept(
    merged: Mapping[str, Score], expert: Mapping[str, Score], floor: Mapping[str, Score]
) -> float | None:
    """Share of the experts' gain over head-only that a merge keeps.

    Returns:
        sum_i (merged - floor) / sum_i (expert - floor), or None if the experts gain nothing.
    """
    gain = sum(expert[name].accuracy - floor[name].accuracy for name in merged)
    kept = sum(merged[name].accuracy - floor[name].accuracy for name in merged)
    return kept / gain if gain > 0 else None


def average_accuracy(steps: Sequence[Sequence[float]]) -> float:
    """ACC: mean accuracy of the last model.

    Args:
        steps: ``steps[t][i]`` is the accuracy on task i of the model after t + 1 tasks.
    """
    return sum(steps[-1]) / len(steps[-1])


def backward_transfer(steps: Sequence[Sequence[float]]) -> float:
    """BWT: mean over tasks but the last of (accuracy at the end - accuracy on arrival)."""
    count = len(steps) - 1
    return sum(steps[-1][i] - steps[i][i] for i in range(count)) / count


def forward_transfer(steps: Sequence[Sequence[float]], base: Sequence[float]) -> float:
    """FWT: mean over tasks but the first of (accuracy just before arrival - the base's)."""
    count = len(steps) - 1
    return sum(steps[i - 1][i] - base[i] for i in range(1, count + 1)) / count


def unmerge_drop(
    before: Mapping[str, float], after: Mapping[str, float], removed: str
) -> tuple[float, float]:
    """UAD: accuracy that the kept tasks lose when one is unmerged.

    Returns:
        The mean over kept tasks of (before - after), and the worst.
    """
    drops = [before[name] - after[name] for name in before if name != removed]
    return sum(drops) / len(drops), max(drops)
