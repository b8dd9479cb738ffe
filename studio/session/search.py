"""A browser's searches for coefficients: the running one, those before it, and the mixer."""

import math
import threading
import time
from contextlib import suppress
from dataclasses import replace

from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.progress import Progress
from studio.recipe import Recipe
from studio.search.cost import SearchCost, row_counts, search_cost
from studio.search.plan import SearchPlan, checked, refuse_unsearchable
from studio.search.rows import searched_head, searched_split
from studio.search.run import Run
from studio.search.space import space
from studio.session.context import Context
from studio.session.mix import Mix
from studio.session.pace import Takes
from studio.session.search_job import SearchJob
from studio.session.search_view import SearchView, mixer_words, run_name
from studio.tasks.row_parts import VALIDATION

_EARLIER = 6  # runs that are kept beside the last one
_OFTEN = 0.5  # seconds between two steps that a page is shown


class Searches:
    """The part of a session that finds coefficients.

    Attributes:
        wish: what the page's boxes hold.
        runs: of this zoo, the last or running one at the end.
        laid_over: name of the earlier run that is drawn beside the last; empty for none.
        version: counts what is new.
        moves: counts when the mixer is to be drawn anew.
        kept: whether somebody has said that what was found stays.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.RLock()
        self._job = SearchJob(context, lambda: self.runs[-1], self._show)
        self._when = -math.inf
        self.wish = SearchPlan()
        self.runs: tuple[SearchView, ...] = ()
        self.laid_over = ""
        self.version = 0
        self.moves = 0
        self.kept = self._waited = False

    @property
    def shown(self) -> SearchView | None:
        """The running search, or the last one; None before the first."""
        return self.runs[-1] if self.runs else None

    @property
    def run(self) -> Run | None:
        """The running search's steps, or the last one's; None before there are some."""
        return self.shown.run if self.shown else None

    @property
    def running(self) -> bool:
        """Whether a search is making steps, or paused between two."""
        return self.shown is not None and self.shown.phase == "running"

    @property
    def paused(self) -> bool:
        """Whether the running search waits."""
        return self.running and self._job.paused

    @property
    def earlier(self) -> tuple[SearchView, ...]:
        """Runs that can be laid over the last one, the latest first."""
        return tuple(each for each in reversed(self.runs[:-1]) if each.run)

    @property
    def beside(self) -> SearchView | None:
        """The earlier run that is laid over, if one is."""
        return next((each for each in self.earlier if each.name == self.laid_over), None)

    def forecast(self) -> SearchCost:
        """What a run of the wish takes.

        Raises:
            StudioError: it cannot be run, in words.
        """
        bench, recipe = self._context.bench, self._recipe(self._context.current())
        split, merge = searched_split(recipe, self.wish.ewc), bench.merge(recipe)
        refuse_unsearchable(merge, checked(self.wish))
        _refuse_rowless(self._context, recipe, self.wish)
        counts = row_counts({n: bench.tasks[n] for n in recipe.names}, self.wish.rows, split)
        return search_cost(self.wish, counts, len(space(merge.deltas, self.wish.granularity)))

    def start(self, wish: SearchPlan) -> None:
        """Search the shown mix's coefficients as a job.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: it cannot be run, or a job is running.
        """
        context, plan = self._context, checked(wish)
        self.wish, mix = plan, context.current()
        recipe = self._recipe(mix)
        context.admission.refuse(mix.ticked)
        refuse_unsearchable(context.bench.merge(recipe), plan)
        _refuse_rowless(context, recipe, plan)
        passes = passes_of(context, self.forecast())
        job = SearchJob(context, lambda: self.runs[-1], self._show)

        def work(progress: Progress) -> tuple[str, str]:
            with self._lock:  # until the run is there
                pass
            started, bench = time.monotonic(), context.own_bench()
            words, seconds = job.run(bench, progress), time.monotonic() - started
            if not self._waited:
                done = self.runs[-1].number / plan.budget
                context.pace.learn(plan.optimizer, passes * done, seconds)
            _land(context, bench, self.runs[-1], seconds)
            return words, ""

        with self._lock:
            context.jobs.start("Optimize the coefficients", work, _takes(context, plan, passes))
            self._job, self._waited, self.kept = job, False, False
            name = run_name(plan, {each.name for each in self.runs})
            self.runs = (*self.runs[-_EARLIER:], SearchView(name, mix, recipe, plan))
            self._show(at_once=True)

    def pause(self) -> None:
        """Have the job wait before its next step."""
        self._waited = True
        self._job.pause()
        self._tell()

    def resume(self) -> None:
        """Go on."""
        self._job.resume()
        self._tell()

    def stop(self) -> None:
        """End the search at its next step, and keep the best that it has found."""
        self._job.stop()
        self._tell()

    def lay_over(self, name: object) -> None:
        """Draw an earlier run beside the last one; no name for none."""
        self.laid_over = name if isinstance(name, str) else ""
        self._tell()

    @property
    def can_show_best(self) -> bool:
        """Whether the best is there and not in the mixer."""
        found = self.shown.found if self.shown else None
        return found is not None and found != self._context.current()

    @property
    def can_go_back(self) -> bool:
        """Whether the mixer shows the best and nobody keeps it, so that what was can come back."""
        found = self.shown.found if self.shown else None
        return not self.kept and found is not None and found == self._context.current()

    def keep(self) -> None:
        """Leave what was found in the mixer and ask no more; undo still brings the mix back."""
        self.kept = True
        self._tell()

    @property
    def mixer_words(self) -> str:
        """Which mix the mixer shows beside what the last search has found, at this moment."""
        return mixer_words(self.shown, self._context.current()) if self.shown else ""

    def show_best(self) -> None:
        """Show the best coefficients in the mixer; undo brings the mix before back.

        Raises:
            BadRecipe: there are none.
        """
        self._context.show(self._ended().found or self._nothing())

    def show_before(self) -> None:
        """Show the mix from before the run again; undo brings the best back.

        Raises:
            BadRecipe: there was no run.
        """
        self._context.show(self._ended().mix)

    def moving(self) -> Mix | None:
        """The mix at the point where the running search stands; None if it moves no slider.

        It moves none if the mix was changed since the start.
        """
        shown = self.shown
        if shown is None or shown.phase != "running" or self._context.current() != shown.mix:
            return None
        return shown.moving_mix()

    def _show(self, at_once: bool = False, **changes: object) -> None:
        """Change what pages see of the last run.

        Args:
            at_once: or only if no page was shown a change half a second ago.
            changes: fields of its ``SearchView``.
        """
        with self._lock:
            if at_once or time.monotonic() - self._when >= _OFTEN:
                self._when = time.monotonic()
                self.moves += self.runs[-1].phase == "running"
                self.runs = (*self.runs[:-1], replace(self.runs[-1], **changes))
                self.version += 1

    def _tell(self) -> None:
        with self._lock:
            self.version += 1

    def _recipe(self, mix: Mix) -> Recipe:
        return mix.recipe(self._context.zoo)

    def _ended(self) -> SearchView:
        if self.shown is None or self.running:
            self._nothing()
        assert self.shown is not None
        return self.shown

    def _nothing(self):
        raise BadRecipe("The page asked for a run that is not there; reload the page.")


def passes_of(context: Context, cost: SearchCost) -> float:
    """Rows that a search runs through the model, also to measure what was found at its end."""
    bench = context.bench
    end = (2 * len(bench.tasks[name].rows(VALIDATION)) for name in bench.scored(VALIDATION))
    held = (len(bench.tasks[name].rows("held_out")) for name in bench.scored())
    return cost.passes + sum(end) + sum(held)


def _refuse_rowless(context: Context, recipe: Recipe, plan: SearchPlan) -> None:
    """Refuse a task that no search can score, before a job is begun."""
    split = searched_split(recipe, plan.ewc)
    for name in recipe.names:
        searched_head(context.bench.tasks[name], split)


def _land(context: Context, bench: Bench, shown: SearchView, seconds: float) -> None:
    """Put what was found into the table of everything tried; most rows are measured already."""
    if shown.run is None or not shown.improved:
        return
    recipe, heads = shown.run.recipe(), bench.heads(bench.scored())
    with suppress(BadData, BadRecipe):  # rows without labels rank nothing
        outcome = Measuring(bench).of(bench.merge(recipe), heads, "held_out")
        context.land(recipe, f"Search: {shown.name}", outcome, seconds)


def _takes(context: Context, plan: SearchPlan, passes: float) -> Takes:
    """How long a search takes; what one took is learned by the steps that it made, see above."""
    return Takes(context.pace.seconds(plan.optimizer, passes), lambda seconds: None)
