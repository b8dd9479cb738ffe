"""A score: accuracy with its number of rows and a 95 % interval, by Wilson or over groups."""

import math
from dataclasses import dataclass

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
