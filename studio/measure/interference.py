"""Who disturbs whom: what each task loses on its own rows when one other task is added."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.certainty import Certainty, certainties
from studio.measure.change import Change
from studio.measure.input_disturbance import ROWS, InputDisturbance, input_disturbance
from studio.measure.input_drift import InputDrift, input_drift
from studio.measure.outcomes import Measuring, Outcome, paired
from studio.methods.contract import GRAM
from studio.progress import Progress, part, silent
from studio.recipe import Recipe

_SCORED, _ASKED = 0.85, 0.88  # shares of the progress


@dataclass(frozen=True)
class Interference:
    """What was measured of the pairs of tasks.

    Attributes:
        recipe: whose method, options and coefficients every pair was merged with.
        changes: by (task, other): the task's score with both merged, against it alone.
        inputs: what changes do to the others' inputs, and why that is not known where it is not.
        refusal: why it is not.
        drift: how far inputs of the mix are from those of the experts; None where not known.
        certainty: by task, how sure its expert is of its rows.
    """

    recipe: Recipe
    changes: Mapping[tuple[str, str], Change]
    inputs: InputDisturbance | None = None
    refusal: str = ""
    drift: InputDrift | None = None
    certainty: Mapping[str, Certainty] = field(default_factory=dict)

    @property
    def losses(self) -> dict[tuple[str, str], float]:
        """What each task loses by each other, above 0 worse, by (task, other)."""
        return {pair: -x.relative.gain for pair, x in self.changes.items()}

    @property
    def worst(self) -> tuple[str, str] | None:
        """The task that surely loses most, and to whom; None where no loss is sure."""
        sure = {pair: x for pair, x in self.changes.items() if x.verdict == "worse"}
        return min(sure, key=lambda pair: sure[pair].relative.mean) if sure else None


def steps(bench: Bench, recipe: Recipe) -> int:
    """How many merges are scored: every scored task alone, and every pair with one of them."""
    scored = [name for name in recipe.names if name in bench.scored()]
    pairs = sum(bool({i, j} & set(scored)) for i, j in combinations(recipe.names, 2))
    return len(scored) + pairs


def interference(bench: Bench, recipe: Recipe, progress: Progress = silent) -> Interference:
    """Measure every task alone and with each other task, at the recipe's own coefficients.

    A pair is merged by the recipe's method as if there were no other task. All held-out rows of a
    task are asked both times, so the difference is paired. What was scored before is recalled.

    Args:
        bench: the zoo; its live model ends wearing the last pair.
        recipe: at least two tasks.
        progress: told the share of merges done; may raise to give up.

    Raises:
        BadData: there are fewer than two tasks, or none has rows and a head.
    """
    scored = [name for name in recipe.names if name in bench.scored()]
    if len(recipe.names) < 2 or not scored:
        raise BadData("To see who disturbs whom takes two tasks, and rows of one of them.")
    total, done = steps(bench, recipe), 0
    whole, progress = progress, part(progress, 0.0, _SCORED)
    alone: dict[str, Outcome] = {}
    for name in scored:
        alone[name] = _outcome(bench, recipe, (name,), (name,), progress, done, total)
        done += 1
    changes: dict[tuple[str, str], Change] = {}
    for pair in combinations(recipe.names, 2):
        asked = tuple(name for name in pair if name in scored)
        if not asked:
            continue
        both = _outcome(bench, recipe, pair, asked, progress, done, total)
        done += 1
        for name in asked:
            (other,) = set(pair) - {name}
            changes[name, other] = paired(both, alone[name])[name]
    sure = certainties(bench, recipe.names, part(whole, _SCORED, _ASKED))
    found, drift, refusal = _inputs(bench, recipe, part(whole, _ASKED, 1.0))
    return Interference(recipe, changes, found, refusal, drift, sure)


def _inputs(
    bench: Bench, recipe: Recipe, progress: Progress
) -> tuple[InputDisturbance | None, InputDrift | None, str]:
    """What components do to the others' inputs and how far inputs drift, or why nobody can say."""
    try:
        wanted = bench.statistics.missing(recipe.names, GRAM, ROWS)
        for place, each in enumerate(wanted):
            ends = (0.4 * at / len(wanted) for at in (place, place + 1))
            bench.statistics.measure(each, part(progress, *ends))
        look = bench.statistics.look(recipe.names, GRAM, ROWS)
        drift = input_drift(bench, recipe, look, ROWS, part(progress, 0.4, 0.7))
        return input_disturbance(bench.merge(recipe), look, part(progress, 0.7, 1.0)), drift, ""
    except BadData as refusal:
        return None, None, str(refusal)


def _outcome(
    bench: Bench, recipe: Recipe, kept: tuple[str, ...], asked: tuple[str, ...],
    progress: Progress, done: int, total: int,
) -> Outcome:  # fmt: skip
    """Some of the recipe's tasks merged, on the rows of those that are asked."""
    words, within = " with ".join(kept), part(progress, done / total, (done + 1) / total)

    def report(share: float, said: str) -> None:
        within(share, f"{words}: {said}")

    within(0.0, words)
    others = [name for name in recipe.names if name not in kept]
    merge = bench.merge(recipe.without(*others))
    return Measuring(bench, report).of(merge, bench.heads(asked), "held_out")
