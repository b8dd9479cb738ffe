"""Doubts: experts worse than chance or base, or that do not agree with their own answers."""

from collections.abc import Mapping, Sequence

from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.tasks.answerer import replaced
from studio.tasks.metric import AGREEMENT, LOSS, OPTIONS

_OWN = 0.99  # of its own answers an expert gives again; rounding may turn a few near ties
_NONE: Mapping[str, str] = {}
_LOOK = {
    **dict.fromkeys(
        OPTIONS,
        "Look at the pooling, the order of the labels and the head that the zoo gives it: one that "
        "was fitted on few rows can answer like that, too.",
    ),
    LOSS: "Look at the tokenizer, the head, and whether its rows are written as it was trained.",
}


def doubts(
    experts: Mapping[str, Score],
    options: Mapping[str, int],
    floors: Sequence[tuple[str, Mapping[str, Score]]],
    replaced: Mapping[str, str] = _NONE,
) -> dict[str, str]:
    """By task, a sentence on an expert whose whole interval is worse than what needs no training.

    No merge can mend that: what its answers are read with is at fault, not how much is added.
    An expert that does not agree with its own answers comes first, for it is not who gave them.

    Args:
        experts: score of each task by its own checkpoint alone.
        options: of each task, between how many labels its rows choose; fewer than 2 are passed by.
        floors: names and scores of models that were not trained for the tasks.
        replaced: by task, a sentence where another checkpoint gave the answers, see ``answerer``.
    """
    found = dict(replaced)
    for task, score in experts.items():
        if score.metric is AGREEMENT and score.worse_than(_OWN):
            found[task] = " ".join([_disagrees(task, score), *filter(None, [replaced.get(task)])])
        if task in found:
            continue
        below = [("chance", 1 / options[task])] if options.get(task, 0) > 1 else []
        below += [(name, known[task].value) for name, known in floors if task in known]
        shown, side = score.metric.shown, "below" if score.metric.sign > 0 else "above"
        worse = [f"{name} ({shown(value)})" for name, value in below if score.worse_than(value)]
        if worse:
            interval = f"95 % interval {score.span}, n={score.n:,}"
            found[task] = (
                f"The expert '{task}' alone {_scores(score)} ({interval}), {side} "
                f"{' and '.join(worse)}: its answers are probably read in a way that it was not "
                f"trained with. {_LOOK[score.metric]}"
            )
    return found


def replaced_experts(bench: Bench) -> dict[str, str]:
    """By task, a sentence where its checkpoint is not the one that has answered its rows."""
    experts = zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True)
    said = {name: replaced(bench.tasks[name].spec, checkpoint) for name, checkpoint in experts}
    return {name: words for name, words in said.items() if words}


def _disagrees(task: str, score: Score) -> str:
    return (
        f"The expert '{task}' alone agrees with only {score.shown} of its own answers (95 % "
        f"interval {score.span}, n={score.n:,}): they were given by other weights, another head or "
        "other settings than the zoo has now."
    )


def _scores(score: Score) -> str:
    if score.metric in OPTIONS:
        return f"scores {score.shown}"
    return f"has a {score.metric.name} of {score.shown} {score.metric.unit}"
