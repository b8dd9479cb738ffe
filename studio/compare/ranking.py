"""Everything tried on the same rows, ranked: one's own mix and what it is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import NORMAL, Score
from studio.measure.metrics import Mean, means, worth
from studio.measure.outcomes import Outcome, paired
from studio.methods import method_type
from studio.methods.contract import usual
from studio.recipe import Recipe
from studio.tasks.metric import LOSS

_LEAST = 1e-9  # nats, below which a loss is none


@dataclass(frozen=True)
class Tried:
    """A model that was tried.

    Attributes:
        key: see ``model_key``.
        what: it is, for people.
        about: its method and numbers in a few words.
        recipe: of it.
        outcome: on all rows; None while it is measured.
        seconds: that it took here until its numbers were there; None for what was there anyway.
        own: 'mine' for the mix that is worked on, 'pinned' for the pinned one, 'both', or ''.
    """

    key: str
    what: str
    about: str
    recipe: Recipe
    outcome: Outcome | None
    seconds: float | None = None
    own: str = ""

    @property
    def mine(self) -> bool:
        """Whether it is the mix that is worked on."""
        return self.own in ("mine", "both")


@dataclass(frozen=True)
class Ranked:
    """A model that was tried, in its place.

    Attributes:
        tried: the model.
        place: from 1, the best mean first; None while it is not measured.
        each: paired change of every task from the own mix to it; empty where one is not measured,
            and for the own mix.
        worst: the task that loses most against its own expert, its score and the difference; None
            where no expert is known.
    """

    tried: Tried
    place: int | None
    each: Mapping[str, Change]
    worst: tuple[str, Score, float] | None = None

    @property
    def change(self) -> Change | None:
        """Of the mean, from the own mix to it."""
        return mean_change(self.each) if self.each else None

    @property
    def words(self) -> str:
        """The same with its unit, metric by metric."""
        return change_words(self.each)

    @cached_property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        return means(self.tried.outcome.scores) if self.tried.outcome else ()

    @property
    def rows(self) -> int:
        """That it was measured on."""
        return sum(mean.n for mean in self.means)


@dataclass(frozen=True)
class Ranking:
    """Models on the same rows, the best mean first, behind them those that are not measured yet.

    Attributes:
        rows: one per model.
    """

    rows: tuple[Ranked, ...]

    @property
    def known(self) -> tuple[Ranked, ...]:
        """Those that are measured."""
        return tuple(row for row in self.rows if row.place)

    @property
    def mine(self) -> Ranked | None:
        """The own mix, if it is measured."""
        return next((row for row in self.known if row.tried.mine), None)

    @property
    def best_other(self) -> Ranked | None:
        """The best of what is not the own mix."""
        return next((row for row in self.known if not row.tried.mine), None)

    @property
    def widened(self) -> float:
        """Half of the interval of the best other's change, as the best of so many.

        Source: Bonferroni; Miller 1981, Simultaneous Statistical Inference, chapter 1.
        """
        change = self.best_other.change if self.best_other else None
        if change is None:
            return 0.0
        quantile = NormalDist().inv_cdf(1 - 0.025 / max(len(self.known) - 1, 1))
        return change.half * quantile / NORMAL


def model_key(recipe: Recipe) -> str:
    """A name for what a recipe merges, whoever set its numbers and whether they are written out."""
    kind = method_type(recipe.method)
    defaults = usual(kind, recipe.options)
    tasks = tuple(
        replace(
            task, set_by="", digest=None,
            coefficient=kind.default_coefficient if task.coefficient is None else task.coefficient,
        )
        for task in recipe.tasks
    )  # fmt: skip
    options = defaults | dict(recipe.options)
    plain = replace(recipe, tasks=tasks, options=options, fitted=None, options_set_by="")
    return plain.digest


def rank(tried: Sequence[Tried], experts: Mapping[str, Score]) -> Ranking:
    """Models by their means.

    Args:
        tried: the own mix among them; all measured on the same rows.
        experts: scores of the tasks by their own checkpoints, as far as known.
    """
    known = [each for each in tried if each.outcome]
    waiting = [each for each in tried if not each.outcome]
    known.sort(key=lambda each: -worth(each.outcome.scores) if each.outcome else 0.0)
    mine = next((each for each in known if each.mine), None)
    rows = [
        Ranked(each, place, _against(each, mine), _worst(each, experts))
        for place, each in enumerate(known, 1)
    ]
    return Ranking((*rows, *(Ranked(each, None, {}) for each in waiting)))


def _against(each: Tried, mine: Tried | None) -> Mapping[str, Change]:
    if mine is None or each is mine or not each.outcome or not mine.outcome:
        return {}
    return paired(each.outcome, mine.outcome)


def _worst(each: Tried, experts: Mapping[str, Score]) -> tuple[str, Score, float] | None:
    scores = each.outcome.scores if each.outcome else {}
    gains = {name: _gain(score, experts[name]) for name, score in scores.items() if name in experts}
    if not gains:
        return None
    name = min(gains, key=lambda task: gains[task])
    return name, scores[name], scores[name].value - experts[name].value


def _gain(score: Score, expert: Score) -> float:
    """Against the expert, above 0 better: points of an accuracy, a share of a loss."""
    difference = score.metric.sign * (score.value - expert.value)
    return difference / max(expert.value, _LEAST) if score.metric is LOSS else difference
