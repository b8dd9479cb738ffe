"""A browser's searches for coefficients: the running one with its pause, and those before it."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.bench import Bench
from studio.progress import Progress, part
from studio.recipe import Recipe
from studio.search.cost import SearchCost, row_counts, search_cost
from studio.search.gain import gains
from studio.search.plan import SearchPlan, checked, refuse_unsearchable
from studio.search.run import Run, optimize
from studio.search.space import space
from studio.session.context import Context
from studio.session.mix import Mix
from studio.session.search_view import UNITS, SearchView, run_name

_EARLIER = 6  # runs that are kept beside the last one
_OFTEN = 0.5  # seconds between two steps that a page is shown
_AWAKE = 0.1  # seconds between two looks at whether a paused job was cancelled
_SEARCH = 0.85  # share of the job; the rest measures what was found


class Searches:
    """The part of a session that finds coefficients.

    Attributes:
        wish: what the page's boxes hold.
        runs: of this zoo, the last or running one at the end.
        laid_over: name of the earlier run that is drawn beside the last; empty for none.
        version: counts what is new.
        moves: counts when the mixer is to be drawn anew.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.RLock()
        self._going, self._stopped = threading.Event(), threading.Event()
        self._latest: SearchView | None = None
        self._when = -math.inf
        self.wish = SearchPlan()
        self.runs: tuple[SearchView, ...] = ()
        self.laid_over = ""
        self.version = 0
        self.moves = 0

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
        return self.running and not self._going.is_set()

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
        bench, recipe = self._context.bench, self._recipe()
        merge = bench.merge(recipe)
        refuse_unsearchable(merge, checked(self.wish))
        counts = row_counts({name: bench.tasks[name] for name in recipe.names}, self.wish.rows)
        return search_cost(self.wish, counts, len(space(merge.deltas, self.wish.granularity)))

    def start(self, wish: SearchPlan) -> None:
        """Search the shown mix's coefficients as a job.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: it cannot be run, or a job is running.
        """
        context, plan = self._context, checked(wish)
        self.wish, mix = plan, context.current()
        recipe = mix.recipe(context.zoo)
        context.admission.refuse(mix.ticked)
        refuse_unsearchable(context.bench.merge(recipe), plan)

        def work(progress: Progress) -> tuple[str, str]:
            with self._lock:  # until the run is there
                pass
            return self._work(context.own_bench(), progress), ""

        with self._lock:
            context.jobs.start("Optimize the coefficients", work)
            self._going.set()
            self._stopped.clear()
            known = {each.name for each in self.runs}
            self._latest = SearchView(run_name(plan, known), mix, recipe, plan)
            self.runs = (*self.runs[-_EARLIER:], self._latest)
            self._publish(self._latest, anew=True)

    def pause(self) -> None:
        """Have the job wait before its next step."""
        self._going.clear()
        self._tell()

    def resume(self) -> None:
        """Go on."""
        self._going.set()
        self._tell()

    def stop(self) -> None:
        """End the search at its next step, and keep the best that it has found."""
        self._stopped.set()
        self.resume()

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
        """Whether the mixer shows the best, so that what was before can come back."""
        found = self.shown.found if self.shown else None
        return found is not None and found == self._context.current()

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

    def _work(self, bench: Bench, progress: Progress) -> str:
        """The job; whatever happens, what was found until then stays."""
        latest = self._latest
        assert latest is not None
        try:
            self._search(bench, latest.recipe, progress)
            self._settle()
            if self._latest and self._latest.improved:
                self._measure(bench, part(progress, _SEARCH, 1.0))
        except Cancelled:
            self._cut_off("the job was cancelled")
            raise
        except StudioError as refusal:
            self._cut_off(str(refusal), refused=True)
            raise
        except Exception:
            self._cut_off("internal error; the terminal has details", refused=True)
            raise
        finally:
            assert self._latest is not None
            self._publish(replace(self._latest, phase="ended"), anew=True)
        return self._latest.words

    def _search(self, bench: Bench, recipe: Recipe, progress: Progress) -> None:
        done = 0.0

        def report(share: float, words: str) -> None:
            nonlocal done
            done = _SEARCH * share
            progress(done, words)

        assert self._latest is not None
        plan = self._latest.plan
        for run in optimize(bench, recipe, plan, report):
            self._publish(replace(self._latest, run=run))
            step = f"{run.steps[-1].number} of {plan.budget} {UNITS[plan.optimizer]}"
            self._wait(lambda words: progress(done, words), f"paused at {step}")
            if self._stopped.is_set():
                run = replace(run, ended=run.ended or "it was stopped")
                self._publish(replace(self._latest, run=run))
                return

    def _wait(self, tell: Callable[[str], None], words: str) -> None:
        if not self._going.is_set() and self._latest:
            self._publish(self._latest, anew=True)
        while not self._going.is_set():
            tell(words)
            self._going.wait(_AWAKE)

    def _settle(self) -> None:
        """Show what was found in the mixer, unless the mix was changed meanwhile."""
        shown = self._latest
        assert shown is not None
        assert shown.run is not None
        unit = UNITS[shown.plan.optimizer]
        ended = f"Ended after {shown.number} of {shown.plan.budget} {unit}: {shown.run.ended}."
        if not shown.improved:
            words = "Nothing better than the mix itself was found, so it stays as it is."
            self._publish(replace(shown, phase="ended", words=f"{ended} {words}"), anew=True)
            return
        words = "The best is in the mixer; Undo brings the mix from before back."
        try:
            shown = replace(shown, found=shown.best_mix())
            assert shown.found is not None
            if self._context.current() != shown.mix:
                words = "The mix was changed while it ran, so it was left as it is."
            else:
                self._context.show(shown.found)
        except StudioError as refusal:
            words = f"The mixer was left as it is. {refusal}"
        self._publish(replace(shown, phase="measuring", words=f"{ended} {words}"), anew=True)

    def _measure(self, bench: Bench, progress: Progress) -> None:
        shown = self._latest
        assert shown is not None
        assert shown.run is not None

        def report(share: float, words: str) -> None:
            progress(share, f"what it is worth: {words}")

        found = gains(bench, shown.recipe, shown.run.recipe(), report)
        self._publish(replace(shown, gains=found), anew=True)

    def _cut_off(self, reason: str, refused: bool = False) -> None:
        """End early: the mixer is left as it is, and the best so far can be shown by hand."""
        shown = self._latest
        assert shown is not None
        words = reason if refused else "Cancelled: the mixer was left as it is."
        if shown.phase == "measuring":
            words = f"{shown.words} What it is worth was not measured: {reason}"
        elif shown.improved:
            with suppress(StudioError):
                shown = replace(shown, found=shown.best_mix())
        self._latest = replace(shown, words=words, refused=refused)

    def _publish(self, shown: SearchView, anew: bool = False) -> None:
        """Keep it, and let pages see it: at once, or no sooner than half a second after the last.

        Args:
            shown: the running search.
            anew: at once.
        """
        with self._lock:
            self._latest = shown
            if anew or time.monotonic() - self._when >= _OFTEN:
                self._when = time.monotonic()
                self.moves += self.runs[-1].phase == "running"
                self.runs = (*self.runs[:-1], shown)
                self.version += 1

    def _tell(self) -> None:
        with self._lock:
            self.version += 1

    def _recipe(self) -> Recipe:
        return self._context.current().recipe(self._context.zoo)

    def _ended(self) -> SearchView:
        if self.shown is None or self.running:
            self._nothing()
        assert self.shown is not None
        return self.shown

    def _nothing(self):
        raise BadRecipe("The page asked for a run that is not there; reload the page.")
