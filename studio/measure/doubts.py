"""Doubts: experts that alone do worse than chance or the untouched base, and where to look."""

from collections.abc import Mapping, Sequence

from studio.measure.intervals import Score
from studio.tasks.metric import ACCURACY, LOSS

_LOOK = {
    ACCURACY: "Look at the pooling, the order of the labels and the head that the zoo gives it.",
    LOSS: "Look at the tokenizer, the head, and whether its rows are written as it was trained.",
}


def doubts(
    experts: Mapping[str, Score],
    options: Mapping[str, int],
    floors: Sequence[tuple[str, Mapping[str, Score]]],
) -> dict[str, str]:
    """By task, a sentence on an expert whose whole interval is worse than what needs no training.

    No merge can mend that: what its answers are read with is wrong, not how much of it is added.

    Args:
        experts: score of each task by its own checkpoint alone.
        options: of each task, between how many labels its rows choose; fewer than 2 are passed by.
        floors: names and scores of models that were not trained for the tasks.
    """
    found = {}
    for task, score in experts.items():
        below = [("chance", 1 / options[task])] if options.get(task, 0) > 1 else []
        below += [(name, known[task].value) for name, known in floors if task in known]
        shown, side = score.metric.shown, "below" if score.metric.sign > 0 else "above"
        worse = [f"{name} ({shown(value)})" for name, value in below if score.worse_than(value)]
        if worse:
            interval = f"95 % interval {score.span}, n={score.n:,}"
            found[task] = (
                f"The expert '{task}' alone {_scores(score)} ({interval}), {side} "
                f"{' and '.join(worse)}: its answers are read in a way that it was not trained "
                f"with. {_LOOK[score.metric]}"
            )
    return found


def _scores(score: Score) -> str:
    if score.metric is ACCURACY:
        return f"scores {score.shown}"
    return f"has a {score.metric.name} of {score.shown} {score.metric.unit}"
