"""Scoring: where the evidence gets held-out scores from, be it a command or a running page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring
from studio.measure.references import SPLIT, references, score_references
from studio.merge import Merge
from studio.progress import Progress
from studio.recipe import Recipe
from studio.tasks.live_model import LiveModel

Measure = Callable[[Progress], Mapping[str, Score]]


@dataclass(frozen=True)
class Scoring:
    """How behaviour is measured, where there are heads and rows.

    Attributes:
        bench: the zoo.
        evaluate: runs or recalls the whole held-out evaluation of a recipe.
        base: held-out scores of the base with the tasks' own heads.
        own: of each task by its own checkpoint.
        live: makes a model that the attack may wear.
    """

    bench: Bench
    evaluate: Callable[[Recipe, Progress], Evaluation]
    base: Measure
    own: Measure
    live: Callable[[], LiveModel]


def bench_scoring(bench: Bench) -> Scoring:
    """Scoring by a bench whose live model nobody else uses."""
    known: dict[str, Evaluation] = {}

    def evaluate(recipe: Recipe, progress: Progress) -> Evaluation:
        if recipe.digest not in known:
            known[recipe.digest] = _evaluated(bench, bench.merge(recipe), progress)
        return known[recipe.digest]

    def own(progress: Progress) -> dict[str, Score]:
        experts = [each for each in references(bench) if each.expert]
        return score_references(experts, progress).experts.scores

    def base(progress: Progress) -> dict[str, Score]:
        return Measuring(bench, progress).scores(None)

    return Scoring(bench, evaluate, base, own, lambda: bench.live)


def _evaluated(bench: Bench, merge: Merge, progress: Progress) -> Evaluation:
    """All held-out rows by a merge, recalled or run."""
    evaluation = bench.evaluation(bench.heads(bench.scored()), SPLIT, merge=merge)
    if not bench.score_cache.fill(evaluation, merge, SPLIT):
        bench.live.wear(merge)
        for share in evaluation.run(bench.live):
            progress(share, "scoring held-out rows")
        bench.score_cache.keep(evaluation, merge, SPLIT)
    return evaluation
