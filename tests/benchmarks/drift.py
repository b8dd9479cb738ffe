"""Statistics of inputs behind merged layers, beside those of the experts, on held-out rows.

    python -m tests.benchmarks.drift [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; the change
is to the same merge with statistics of the experts, paired. Nothing is tuned.
"""

from collections.abc import Iterator
from dataclasses import replace

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.recipe import Option, Recipe
from tests.benchmarks.tables import paired, print_table

Setting = tuple[str, str, dict[str, Option], float]
SETTINGS: tuple[Setting, ...] = (
    ("activation basis at 1", "mdm_oc", {}, 1.0),
    ("activation basis at 0.8", "mdm_oc", {}, 0.8),
    ("activation basis, strength 1, at 1", "mdm_oc", {"strength": 1.0}, 1.0),
    ("activation basis, strength 1, at 1.2", "mdm_oc", {"strength": 1.0}, 1.2),
    ("activation basis, strength 1, at 0.8", "mdm_oc", {"strength": 1.0}, 0.8),
)


def scored(bench: Bench, recipe: Recipe) -> Evaluation:
    """A recipe on all held-out rows."""
    bench.live.wear(bench.merge(recipe))
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """Two lines of Markdown per setting: with statistics of the experts, and behind merged layers.

    Of RegMean the second one is RegMean++.
    """
    if only in "RegMean":
        before = scored(bench, bench.zoo.recipe("regmean", 1.0))
        yield _line("RegMean", before, None)
        yield _line("RegMean++", scored(bench, bench.zoo.recipe("regmean_pp", 1.0)), before)
    for words, name, more, coefficient in SETTINGS:
        if only not in words:
            continue
        options = {"basis": "activation", **more}
        recipe = replace(bench.zoo.recipe(name, coefficient), options=options)
        before = scored(bench, recipe)
        yield _line(words, before, None)
        behind = replace(recipe, options=options | {"statistics": "merged"})
        yield _line(f"{words}, statistics merged", scored(bench, behind), before)


def _line(words: str, found: Evaluation, against: Evaluation | None) -> str:
    return f"| {words} | {mean_score(found.scores()):.4f} | {paired(found, against)} |"


if __name__ == "__main__":
    print_table(__doc__ or "", "| mix | held out | against experts' statistics, points |", lines)
