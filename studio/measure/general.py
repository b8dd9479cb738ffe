"""General rows, which belong to no task: how much of the base's ability a model keeps."""

from collections.abc import Mapping

from studio.measure.bench import Bench
from studio.measure.change import Change, changes
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.tasks.live_model import LiveModel

Kept = Mapping[str, tuple[Score, Change]]
"""Per set of general rows its score, and the paired change from the base."""


class General:
    """The general rows of a split by the base, to compare other models with.

    Args:
        bench: the zoo, opened; its live model ends wearing the base.
        split: whose rows.
    """

    def __init__(self, bench: Bench, split: str) -> None:
        self._bench, self._split = bench, split
        bench.live.wear(None)
        self._base = self._run(bench.live)

    def kept(self, live: LiveModel) -> Kept:
        """What a model makes of these rows; empty if the zoo names none for the split."""
        evaluation = self._run(live)
        if evaluation is None or self._base is None:
            return {}
        scores = evaluation.scores()
        return {name: (scores[name], x) for name, x in changes(evaluation, self._base).items()}

    def _run(self, live: LiveModel) -> Evaluation | None:
        heads = self._bench.general_heads(self._split)
        if not heads:
            return None
        evaluation = self._bench.evaluation(heads, self._split, live)
        for _ in evaluation.run(live):
            pass
        return evaluation


def general_json(kept: Kept) -> dict:
    """``{name: score | {"change": {mean, half, n, verdict}}}``."""
    return {
        name: score.plain() | {"change": change.plain()} for name, (score, change) in kept.items()
    }


def general_words(kept: Kept) -> list[str]:
    """A line per set of rows."""
    return [
        f"  general {name}: {score.value:.4f}, {change.words} against the base "
        f"({change.verdict}, n={change.n})"
        for name, (score, change) in kept.items()
    ]
