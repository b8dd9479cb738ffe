"""Scores measured anew, for a test to compare with: nothing is recalled and nothing kept."""

from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.merge import Merge


def score(bench: Bench, merge: Merge | None, split: str = "held_out") -> dict[str, Score]:
    """All tasks' scores on every row of a split, by a merge or (None) by the base."""
    bench.live.wear(merge)
    return _run(bench, bench.heads(bench.scored(split)), split)


def score_experts(bench: Bench, split: str = "held_out") -> dict[str, Score]:
    """Each task's score by its own checkpoint."""
    found: dict[str, Score] = {}
    for name in bench.scored(split):
        bench.live.wear(bench.expert(name))
        found |= _run(bench, bench.heads([name]), split)
    return found


def score_head_only(bench: Bench, split: str = "held_out") -> dict[str, Score]:
    """Scores of the base with heads fitted on it, for the tasks that have one."""
    bench.live.wear(None)
    heads = bench.fitted_heads(split)
    return _run(bench, heads, split) if heads else {}


def _run(bench: Bench, heads: dict, split: str) -> dict[str, Score]:
    evaluation = bench.evaluation(heads, split)
    for _ in evaluation.run(bench.live):
        pass
    return evaluation.scores()
