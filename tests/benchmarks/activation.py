"""MDM-OC in the metric of activations on a zoo's held-out rows, against RegMean and itself.

    python -m tests.benchmarks.activation [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; changes
are paired. The last lines are negative controls: statistics of another task in the place of a
task's own. Nothing is tuned.
"""

from collections.abc import Iterator
from dataclasses import replace

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import mean_score
from studio.recipe import Option, Recipe
from tests.benchmarks.controls import shifts, shuffled
from tests.benchmarks.tables import paired, print_table

Setting = tuple[str, dict[str, Option], float]
SETTINGS: tuple[Setting, ...] = (
    ("default", {}, 1.0),
    ("strength 0, which is the plain sum, at 0.5", {"strength": 0.0}, 0.5),
    ("strength 1 at 1, which is RegMean", {"strength": 1.0}, 1.0),
    ("strength 1 at 1.2", {"strength": 1.0}, 1.2),
    ("strength 0.25 at 0.8", {}, 0.8),
    ("strength 0.25 at 1.2", {}, 1.2),
    ("strength 0.5 at 1", {"strength": 0.5}, 1.0),
    ("in order of arrival", {"order": "arrival"}, 1.0),
    ("8 rows per task", {"rows": 8}, 1.0),
    ("32 rows per task", {"rows": 32}, 1.0),
    ("128 rows per task", {"rows": 128}, 1.0),
)


def recipe_of(bench: Bench, options: dict[str, Option], coefficient: float) -> Recipe:
    """All tasks of a zoo with one coefficient, in the metric of activations."""
    plain = bench.zoo.recipe("mdm_oc", coefficient)
    return replace(plain, options={"basis": "activation", **options})


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """One line of Markdown per setting, and then per control."""
    own = shifts(bench.zoo.recipe().names)
    against = shuffled(bench, bench.zoo.recipe("regmean", 1.0), own[0])
    yield _line("RegMean at 1", against, None)
    for words, options, coefficient in SETTINGS:
        if only in words:
            found = shuffled(bench, recipe_of(bench, options, coefficient), own[0])
            yield _line(words, found, against)
    for by, others in enumerate(own[1:], 1):
        words = f"control: statistics of the task {by} further"
        if only in words:
            yield _line(words, shuffled(bench, recipe_of(bench, {}, 1.0), others), against)


def _line(words: str, found: Evaluation, against: Evaluation | None) -> str:
    return f"| {words} | {mean_score(found.scores()):.4f} | {paired(found, against)} |"


if __name__ == "__main__":
    print_table(__doc__ or "", "| activations | held out | against RegMean, points |", lines)
