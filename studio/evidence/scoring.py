"""Scoring: where the evidence gets held-out scores from, be it a command or a running page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.scores import Score
from studio.progress import Progress
from studio.recipe import Recipe
from studio.tasks.live_model import LiveModel

References = Callable[[Progress], Mapping[str, Score]]


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
    base: References
    own: References
    live: Callable[[], LiveModel]


def bench_scoring(bench: Bench) -> Scoring:
    """Scoring by a bench whose live model nobody else uses."""
    known: dict[str, Evaluation] = {}

    def evaluate(recipe: Recipe, progress: Progress) -> Evaluation:
        if recipe.digest not in known:
            bench.live.wear(bench.merge(recipe))
            evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
            for share in evaluation.run(bench.live):
                progress(share, "scoring held-out rows")
            known[recipe.digest] = evaluation
        return known[recipe.digest]

    return Scoring(
        bench,
        evaluate,
        partial(bench.score, None, "held_out"),
        partial(bench.score_experts, "held_out"),
        lambda: bench.live,
    )
