"""Metrics made of scores: means, gain kept, and what is learned and forgotten over a sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from studio.measure.intervals import Score


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
