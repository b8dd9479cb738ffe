"""A browser's sweep of one or two numbers of its mix: the job, and the landscape so far."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from studio.compare.scale_search import ROWS
from studio.errors import BadRecipe
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.progress import Progress, part
from studio.recipe import Recipe
from studio.session.context import Context
from studio.session.jobs import keeping
from studio.session.mix import mix_with
from studio.sweep.axis import FACTOR, Axis, make_axis, names_of
from studio.sweep.landscape import LEVELS, Landscape, SweepCost, landscape, sweep_cost

_SWEPT = 0.9  # share of the job; the rest measures the best point on held-out rows
Limits = tuple[str, float | None, float | None]


@dataclass(frozen=True)
class SweepWish:
    """What the page asks for.

    Attributes:
        axes: per axis its name, lowest and highest value; None for the usual one.
        levels: see ``Axis.values``.
        rows: validation rows per task.
    """

    axes: tuple[Limits, ...] = ((FACTOR, None, None),)
    levels: int = LEVELS
    rows: int = ROWS


class Sweeps:
    """The part of a session that sweeps numbers of the mix.

    Attributes:
        wish: what the page's boxes hold.
        found: the landscape of the last sweep, or of the running one; None before the first.
        version: changes whenever the landscape does.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.wish = SweepWish()
        self.found: Landscape | None = None
        self.version = 0

    def names(self) -> tuple[str, ...]:
        """Of every number of the mix."""
        return names_of(self._context.recipe())

    def plan(self) -> tuple[Recipe, tuple[Axis, ...], SweepCost]:
        """What a sweep of the wish would do.

        Raises:
            StudioError: it cannot be done, in words.
        """
        recipe, wish = self._context.recipe(), self.wish
        axes = tuple(make_axis(recipe, *each) for each in wish.axes)
        cost = sweep_cost(self._context.bench, recipe, axes, wish.levels, wish.rows)
        return recipe, axes, cost

    def passes(self, cost: SweepCost) -> float:
        """Rows that it runs through models, at most, also to measure the best point at its end."""
        bench = self._context.bench
        held = sum(len(bench.tasks[name].rows("held_out")) for name in bench.scored())
        return (cost.points + 1) * cost.rows + held

    def start(self) -> None:
        """Sweep the mix as a job; the landscape grows with every point.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: see ``plan``; a task was certified as removed, or a job is running.
        """
        context, wish = self._context, self.wish
        recipe, axes, cost = self.plan()
        context.admission.refuse(recipe.names)

        def work(progress: Progress) -> tuple[str, str]:
            bench, started = context.own_bench(), time.monotonic()
            report = part(progress, 0.0, _SWEPT)
            with keeping(lambda: "Points that were measured stay; a new start recalls them."):
                for found in landscape(bench, recipe, axes, wish.levels, wish.rows, report):
                    self.found = found
                    self.version += 1
            assert self.found is not None
            self._land(bench, self.found, started, part(progress, _SWEPT, 1.0))
            return f"Measured {len(self.found.points)} points on validation rows.", ""

        takes = context.pace.takes("scores", self.passes(cost))
        context.jobs.start(f"Sweep of {_and(axes)}", work, takes)

    def _land(self, bench: Bench, found: Landscape, started: float, progress: Progress) -> None:
        """Measure the best point on the rows of the table of everything tried, and put it there."""
        best = found.best_recipe
        if best is None or best is found.recipe:
            return
        measuring = Measuring(bench, progress)
        heads = bench.heads(bench.scored())
        outcome = measuring.of(bench.merge(best), heads, "held_out")
        what = f"Sweep: {found.where}"
        self._context.land(best, what, outcome, time.monotonic() - started)

    def moved(self) -> bool:
        """Whether the mix is another than the one that was swept."""
        return self.found is not None and self._context.recipe().digest != self.found.recipe.digest

    @property
    def can_show_best(self) -> bool:
        """Whether the best point is known and not what the mixer shows."""
        best = self._best()
        return best is not None and best.digest != self._context.recipe().digest

    def show_best(self) -> None:
        """Show the best point in the mixer; undo brings the mix before back.

        Raises:
            BadRecipe: there is none, or sliders cannot show it.
        """
        best = self._best()
        if best is None:
            raise BadRecipe("The page asked for a sweep that is not there; reload the page.")
        self._context.show(mix_with(best, self._context.current()))

    def _best(self) -> Recipe | None:
        return self.found.best_recipe if self.found else None


def _and(axes: Sequence[Axis]) -> str:
    return " and ".join(axis.words for axis in axes)
