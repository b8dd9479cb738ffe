"""The background worker: live scores first, then geometry, references, and exact scores."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence

from studio.errors import Cancelled, StudioError
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.writing import refused
from studio.merge import Merge
from studio.recipe import Recipe
from studio.session.expert_measuring import ExpertMeasuring
from studio.session.geometry import (
    Geometry,
    OrderWords,
    measured_geometry,
    shape_of,
    sketched_geometry,
)
from studio.session.geometry_studies import GeometryStudies
from studio.session.live_steps import LiveSteps
from studio.session.priorities import Priorities, Step
from studio.session.results import Results
from studio.session.shipped import Shipped
from studio.session.viewers import Look, Viewers, Wish


class Worker:
    """Computes what the page shows, in small steps, the most urgent first.

    One thread owns the live model. Whoever asks for something else is served at the next step,
    which is a batch of rows or one measurement.

    Args:
        bench: the open zoo.
        shipped: what the zoo ships of its starting mix, if anything; pages show it for a while.

    Attributes:
        version: grows with every change of what is known.
        results: what is known.
        viewers: what pages show and jobs wait for.
        studies: what is made for the one page that looks at it, in threads of their own.
        measuring: of experts, for methods that need data.
    """

    def __init__(self, bench: Bench, shipped: Shipped | None = None) -> None:
        self.bench, self.shipped = bench, shipped
        self.version = 0
        self._changed = threading.Condition()
        self.viewers = Viewers()
        self.results = Results(
            self._changed,
            lambda: self.viewers.wanted,
            lambda: self.viewers.writings,
            lambda: self.viewers.looks,
        )
        self.studies = GeometryStudies(bench)
        self.measuring = ExpertMeasuring(bench, self._is_wanted, self._told)
        self._priorities = Priorities(
            bench, self.viewers, self.results, shipped.recipe if shipped else ""
        )
        self._orders = OrderWords()
        self._live = LiveSteps(bench, self.results)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after its current step and wait for it."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self.studies.stop()
        if self._thread.is_alive():
            self._thread.join()

    def want(self, recipe: Recipe, browser: str = "", pinned: Recipe | None = None) -> None:
        """Show this recipe from now on.

        Args:
            recipe: to score and measure.
            browser: whose page shows it, in place of what it showed before.
            pinned: what it is compared with; it waits for what all pages show.
        """
        with self._changed:
            self.viewers.show(browser, recipe, pinned)
            self._told()

    def want_text(self, text: str, browser: str = "") -> None:
        """Read this text with every recipe that the page shows; an empty one no more."""
        with self._changed:
            self.viewers.read(browser, text)
            self._told()

    def want_writing(self, wishes: Sequence[Wish], browser: str = "") -> None:
        """Have these texts written for the page, the most urgent first; no others any more."""
        with self._changed:
            self.viewers.write(browser, wishes)
            self._changed.notify_all()

    def want_looks(self, looks: Sequence[Look], browser: str = "") -> None:
        """Look at these rows for the page, the most urgent first; at no others any more."""
        with self._changed:
            self.viewers.look(browser, looks)
            self._changed.notify_all()

    def forget(self, browser: str) -> None:
        """Nobody looks any more at what this browser's page wanted."""
        with self._changed:
            self.viewers.forget(browser)

    @property
    def idle(self) -> bool:
        """Whether all that the page can ask for is there."""
        with self._changed:
            return bool(self.viewers.recipes) and self._priorities.next() is None

    def wait_for_rows(self, recipe: Recipe, seconds: float) -> None:
        """Wait until some rows of a recipe are scored, or it is refused, but not for long."""
        known = self.results.evaluations, self.results.refusals
        with self._changed:
            self._changed.wait_for(lambda: any(recipe.digest in each for each in known), seconds)

    def scores(self, recipe: Recipe, report: Callable[[float], None]) -> dict[str, Score]:
        """All of a recipe's scores; waits for them. ``report`` may raise to give up."""
        if not self.bench.scored():
            return {}
        with self._changed:
            self.viewers.needed.append(recipe)
            self._changed.notify_all()
        try:
            while True:
                with self._changed:
                    known = self.results.evaluation(recipe)
                    if known and known.done:
                        return known.scores()
                    if refusal := self.results.refusal(recipe):
                        raise StudioError(refusal)
                    if self._stopped:
                        raise Cancelled("Cancelled: the zoo was closed; nothing was written.")
                    self._changed.wait(0.1)
                report(known.share if known else 0.0)
        finally:
            with self._changed:
                self.viewers.needed.remove(recipe)

    def _run(self) -> None:
        while True:
            with self._changed:
                while (step := self._priorities.next()) is None and not self._stopped:
                    self._changed.wait()
                if self._stopped or step is None:
                    return
            started = time.perf_counter()
            try:
                self._do(step)
            except StudioError as refusal:
                self._refuse(step, str(refusal))
            except Exception as bug:
                traceback.print_exc()
                self._refuse(
                    step, f"Internal error ({type(bug).__name__}); the terminal has details."
                )
            self._priorities.took(step, time.perf_counter() - started)
            if step.asked is None:  # who waits for a text looks at the text itself
                self._told()

    def _refuse(self, step: Step, problem: str) -> None:
        if step.recipe is not None and step.asked is not None:
            self.results.add_written(step.recipe, step.asked, refused(problem))
        else:
            self.results.refuse(step.recipe, problem)

    def _do(self, step: Step) -> None:
        match step.kind, step.recipe:
            case "pace", None:
                self._priorities.paced = True
                self.bench.live.measure_pace()
            case "reference", None:
                self._live.reference()
            case "read", Recipe() as recipe:
                self._live.read(recipe, step.text)
            case "write", Recipe() as recipe:
                self._live.write(recipe, step.asked)
            case "look", Recipe() as recipe:
                self._live.look(recipe, step.rows)
            case "score", Recipe() as recipe:
                self._live.score(recipe)
            case "expert", Recipe() as recipe:
                self.measuring.measure(recipe)
            case "sketch", Recipe() as recipe:  # so that matrices follow a slider
                self._geometry(recipe, sketched_geometry)
            case "geometry", Recipe() as recipe:
                self._geometry(recipe, measured_geometry)
            case "order", Recipe() as recipe:
                self._compare_orders(recipe)

    def _is_wanted(self, recipe: Recipe) -> bool:
        with self._changed:
            return not self._stopped and recipe in self.viewers.wanted

    def _told(self) -> None:
        """Something that the page shows has changed."""
        with self._changed:
            self.version += 1
            self._changed.notify_all()

    def _geometry(self, recipe: Recipe, find: Callable[[Merge], Geometry]) -> None:
        made = find(self.bench.merge(recipe))
        with self._changed:
            self.results.geometries[shape_of(recipe)] = made

    def _compare_orders(self, recipe: Recipe) -> None:
        said = self._orders.said(self.bench.merge(recipe))
        with self._changed:
            self.results.sentences[recipe.digest] = said
