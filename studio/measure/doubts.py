"""Doubts: experts that alone do worse than chance or the untouched base, and where to look."""

from collections.abc import Mapping, Sequence

from studio.measure.intervals import Score


def doubts(
    experts: Mapping[str, Score],
    options: Mapping[str, int],
    floors: Sequence[tuple[str, Mapping[str, Score]]],
) -> dict[str, str]:
    """By task, a sentence on an expert whose whole interval lies below what needs no training.

    No merge can mend that: what its answers are read with is wrong, not how much of it is added.

    Args:
        experts: score of each task by its own checkpoint alone.
        options: of each task, between how many labels its rows choose; fewer than 2 are passed by.
        floors: names and scores of models that were not trained for the tasks.
    """
    found = {}
    for task, score in experts.items():
        below = [("chance", 1 / options[task])] if options.get(task, 0) > 1 else []
        below += [(name, known[task].accuracy) for name, known in floors if task in known]
        worse = [
            f"{name} ({share:.1%})"
            for name, share in below
            if max(score.high, score.accuracy) < share
        ]
        if worse:
            interval = f"95 % interval {score.low:.1%} to {score.high:.1%}, n={score.n:,}"
            found[task] = (
                f"The expert '{task}' alone scores {score.accuracy:.1%} ({interval}), below "
                f"{' and '.join(worse)}: its answers are read in a way that it was not trained "
                "with. Look at the pooling, the order of the labels and the head that the zoo "
                "gives it."
            )
    return found
