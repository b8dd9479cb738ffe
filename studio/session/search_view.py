"""A search as a page is shown it: its name, how far it is, the mixes on its way; and the wish."""

from collections.abc import Collection
from dataclasses import dataclass

from studio.errors import BadRecipe
from studio.recipe import Recipe
from studio.search.gain import Gain
from studio.search.plan import OPTIMIZER_TITLES, SearchPlan
from studio.search.run import Run
from studio.search.space import DECIMALS
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
        gains: what was found is worth; empty until it is measured.
        found: the mix with the best coefficients; None while it runs, if there is none better
            than the first, or if sliders cannot show it.
    """

    name: str
    mix: Mix
    recipe: Recipe
    plan: SearchPlan
    run: Run | None = None
    phase: str = "running"
    words: str = ""
    refused: bool = False
    gains: tuple[Gain, ...] = ()
    found: Mix | None = None

    @property
    def number(self) -> int:
        """Steps or candidates so far."""
        return self.run.steps[-1].number if self.run else 0

    @property
    def improved(self) -> bool:
        """Whether something better than the mix itself was found."""
        if self.run is None:
            return False
        return self.run.best.value < self.run.steps[0].value

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
