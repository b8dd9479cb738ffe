"""A search as a page is shown it: its name, how far it is, the mixes on its way; and the wish."""

from collections.abc import Collection
from dataclasses import dataclass

from studio.errors import BadRecipe
from studio.recipe import Recipe
from studio.search.gain import Gain
from studio.search.plan import OPTIMIZER_TITLES, SearchPlan
from studio.search.run import Run
from studio.search.space import DECIMALS
from studio.search.verdict import Verdict
from studio.session.mix import Mix, mix_with

GRAINS = {"task": "per task", "group": "per layer", "tensor": "per tensor"}
UNITS = {"adam": "steps", "cma": "candidates"}


@dataclass(frozen=True)
class SearchView:
    """A search as far as a page is shown it.

    Attributes:
        name: that no other run of this zoo has.
        mix: that it was started from.
        recipe: of that mix.
        plan: of the search.
        run: as far as it has come; None before the first point was checked.
        phase: 'running', 'measuring' what was found, or 'ended'.
        words: why it ended, and what became of the mixer.
        refused: whether it ended by a refusal.
        verdict: what was found beside the mix by their scores; None until it is known, or where
            rows without labels leave nothing but the loss.
        gains: what was found is worth; empty until it is measured.
        found: the mix with the best coefficients; None while it runs, if no loss is lower than
            the first, or if sliders cannot show it.
    """

    name: str
    mix: Mix
    recipe: Recipe
    plan: SearchPlan
    run: Run | None = None
    phase: str = "running"
    words: str = ""
    refused: bool = False
    verdict: Verdict | None = None
    gains: tuple[Gain, ...] = ()
    found: Mix | None = None

    @property
    def number(self) -> int:
        """Steps or candidates so far."""
        return self.run.steps[-1].number if self.run else 0

    @property
    def improved(self) -> bool:
        """Whether a lower loss than the mix's own was found."""
        if self.run is None:
            return False
        return self.run.best.value < self.run.steps[0].value

    @property
    def better(self) -> bool:
        """Whether what was found goes into the mixer: its loss is lower and its scores higher."""
        return self.improved and (self.verdict is None or self.verdict.better)

    def best_mix(self) -> Mix:
        """The mix with the best coefficients.

        Raises:
            BadRecipe: sliders cannot show it.
        """
        assert self.run is not None
        return mix_with(self.run.recipe(), self.mix)

    def moving_mix(self) -> Mix:
        """The mix where the search stands; a task of several coefficients may show their mean."""
        if self.run is None:
            return self.mix
        point, free = self.run.steps[-1].point, self.run.free
        try:
            return mix_with(self.run.recipe(point), self.mix)
        except BadRecipe:
            owned = {name: free.of_task(point, name) for name in free.tasks}
            means = {n: round(sum(each) / len(each), DECIMALS) for n, each in owned.items() if each}
            return mix_with(self.recipe.with_coefficients(means), self.mix)


def run_name(plan: SearchPlan, known: Collection[str]) -> str:
    """What a run is called; a number tells it from those that are known."""
    kind = f"{OPTIMIZER_TITLES[plan.optimizer]}, {GRAINS[plan.granularity]}"
    name = f"{kind}, {plan.budget} {UNITS[plan.optimizer]}, seed {plan.seed}"
    full, number = name, 2
    while full in known:
        full, number = f"{name} ({number})", number + 1
    return full


def outcome_words(shown: SearchView) -> str:
    """Why a search ended and what it found, in sentences that stay true when the mixer moves."""
    assert shown.run is not None
    unit = UNITS[shown.plan.optimizer]
    ended = f"Ended after {shown.number} of {shown.plan.budget} {unit}: {shown.run.ended}."
    if not shown.improved:
        return f"{ended} Nothing better than your mix was found; it stays."
    if shown.verdict is None:
        return (
            f"{ended} The loss of what was found is lower; no scores were compared, since not all "
            "validation rows have labels."
        )
    stays = "" if shown.verdict.better else "; your mix stayed"
    return f"{ended} {shown.verdict.words()}{stays}."


def mixer_words(shown: SearchView, current: Mix) -> str:
    """Which mix the mixer shows beside what a search has found; nothing if it has found none."""
    if shown.phase == "running" or shown.found is None:
        return ""
    if current == shown.found:
        return "What was found is in the mixer; Undo brings your mix back."
    if current == shown.mix:
        return "Your mix from before the search is in the mixer."
    return "The mixer shows another mix since then."
