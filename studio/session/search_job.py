"""A running search for coefficients: its steps, its pause, and what becomes of the mixer."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.bench import Bench
from studio.progress import Progress, part
from studio.search.gain import gains
from studio.search.run import Run, optimize
from studio.search.verdict import verdict
from studio.session.context import Context
from studio.session.search_view import UNITS, SearchView, outcome_words

_AWAKE = 0.1  # seconds between two looks at whether a paused job was cancelled
_SEARCH, _WEIGHED = 0.85, 0.9  # shares of the job; the rest measures what was found
_WEIGHING = "Comparing what was found with your mix."


class SearchJob:
    """One search from its first step to what it was worth.

    Args:
        context: of the session whose mix is searched.
        shown: the search as pages see it.
        show: changes fields of that; pages see it at once, or, of many steps, some.
    """

    def __init__(
        self, context: Context, shown: Callable[[], SearchView], show: Callable[..., None]
    ) -> None:
        self._context = context
        self._shown = shown
        self._show = show
        self._going, self._stopped = threading.Event(), threading.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        """Whether it waits before its next step."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Wait before the next step."""
        self._going.clear()

    def resume(self) -> None:
        """Go on."""
        self._going.set()

    def stop(self) -> None:
        """End at the next step, and keep the best that was found."""
        self._stopped.set()
        self._going.set()

    def run(self, bench: Bench, progress: Progress) -> str:
        """Search, show what is better in the mixer, and measure it; what was found by then stays.

        Args:
            bench: with a live model of the job's own.
            progress: told the share done; raising ends it.

        Returns:
            Why it ended, and what was found.
        """
        try:
            self._search(bench, progress)
            self._weigh(bench, part(progress, _SEARCH, _WEIGHED))
            self._settle()
            if self._shown().improved:
                self._measure(bench, part(progress, _WEIGHED, 1.0))
        except Cancelled:
            self._cut_off("the job was cancelled")
            raise
        except StudioError as refusal:
            self._cut_off(str(refusal), refused=True)
            raise
        except Exception:
            self._cut_off("internal error; the terminal has details", refused=True)
            raise
        self._show(at_once=True, phase="ended")
        return self._shown().words

    def _search(self, bench: Bench, progress: Progress) -> None:
        done, run = 0.0, None

        def report(share: float, words: str) -> None:
            nonlocal done
            done = _SEARCH * share
            progress(done, words)

        plan = self._shown().plan
        try:
            for run in optimize(bench, self._shown().recipe, plan, report):
                self._show(run=run)
                step = f"{run.steps[-1].number} of {plan.budget} {UNITS[plan.optimizer]}"
                self._wait(run, lambda words: progress(done, words), f"paused at {step}")
                if self._stopped.is_set():
                    run = replace(run, ended=run.ended or "it was stopped")
                    return
        finally:
            self._show(at_once=True, run=run)

    def _wait(self, run: Run, tell: Callable[[str], None], words: str) -> None:
        if self.paused:
            self._show(at_once=True, run=run)
        while self.paused:
            tell(words)
            self._going.wait(_AWAKE)

    def _weigh(self, bench: Bench, progress: Progress) -> None:
        """Compare what was found with the mix by their scores, on rows it was not fitted on."""
        shown, found, compared = self._shown(), None, None
        assert shown.run is not None
        if shown.improved:
            with suppress(BadRecipe):  # it is said when it is shown
                found = shown.best_mix()
            self._show(at_once=True, phase="measuring", words=_WEIGHING, found=found)
            compared = verdict(bench, shown.run, progress)
        self._show(at_once=True, verdict=compared)

    def _settle(self) -> None:
        """Show what was found in the mixer if it is better and the mix is still the same."""
        shown = self._shown()
        words, phase = outcome_words(shown), "measuring" if shown.improved else "ended"
        if shown.better:
            try:
                found = shown.best_mix()
                if self._context.current() == shown.mix:
                    self._context.show(found)
                else:
                    words += " The mix was changed while it ran, so it was left as it is."
            except StudioError as refusal:
                words += f" The mixer was left as it is. {refusal}"
        self._show(at_once=True, phase=phase, words=words)

    def _measure(self, bench: Bench, progress: Progress) -> None:
        shown = self._shown()
        assert shown.run is not None

        def report(share: float, words: str) -> None:
            progress(share, f"what it is worth: {words}")

        found = gains(bench, shown.recipe, shown.run.recipe(), report)
        self._show(at_once=True, gains=found)

    def _cut_off(self, reason: str, refused: bool = False) -> None:
        """End early: the mixer is left as it is, and the best so far can be shown by hand."""
        shown = self._shown()
        words, found = reason if refused else "Cancelled: the mixer was left as it is.", shown.found
        if shown.phase == "measuring" and shown.words != _WEIGHING:
            words = f"{shown.words} What it is worth was not measured: {reason}"
        elif shown.improved:
            with suppress(StudioError):
                found = shown.best_mix()
        self._show(at_once=True, phase="ended", words=words, refused=refused, found=found)
