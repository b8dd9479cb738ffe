"""The background worker: live scores first, then geometry, references, and exact scores."""

import threading
import traceback
from collections.abc import Callable

from studio.errors import Cancelled, StudioError
from studio.geometry.order import Orders
from studio.inspection import order_words, orders
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.references import measured_references
from studio.measure.showcase import readings_of
from studio.merge import Merge
from studio.recipe import Recipe
from studio.session.expert_measuring import ExpertMeasuring
from studio.session.geometry import Geometry, measured_geometry, shape_of, sketched_geometry
from studio.session.geometry_studies import GeometryStudies
from studio.session.priorities import Priorities, Step
from studio.session.results import Results
from studio.session.viewers import Viewers
from studio.session.worn_model import WornModel


class Worker:
    """Computes what the page shows, in small steps, the most urgent first.

    One thread owns the live model. Whoever asks for something else is served at the next step,
    which is a batch of rows or one measurement.

    Attributes:
        bench: the open zoo.
        version: grows with every change of what is known.
        results: what is known.
        viewers: what pages show and jobs wait for.
        studies: what is made for the one page that looks at it, in threads of their own.
        measuring: of experts, for methods that need data.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.version = 0
        self._changed = threading.Condition()
        self.viewers = Viewers()
        self.results = Results(self._changed, lambda: self.viewers.wanted)
        self.studies = GeometryStudies(bench)
        self.measuring = ExpertMeasuring(bench, self._is_wanted, self._told)
        self._priorities = Priorities(bench, self.viewers, self.results)
        self._orders: tuple[object, Orders | None] = (None, None)
        self._model = WornModel(bench)
        self._scored: Recipe | None = None
        self._references = measured_references(bench, self._model.wear)
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
            try:
                self._do(step)
            except StudioError as refusal:
                self.results.refuse(step.recipe, str(refusal))
            except Exception as bug:
                traceback.print_exc()
                words = f"Internal error ({type(bug).__name__}); the terminal has details."
                self.results.refuse(step.recipe, words)
            self._told()

    def _do(self, step: Step) -> None:
        match step.kind, step.recipe:
            case "pace", None:
                self._priorities.paced = True
                self.bench.live.measure_pace()
            case "reference", None:
                self._reference()
            case "read", Recipe() as recipe:
                self._read(recipe, step.text)
            case "score", Recipe() as recipe:
                self._score(recipe)
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

    def _read(self, recipe: Recipe, text: str) -> None:
        self._model.wear(recipe.digest, self.bench.merge(recipe))
        heads = self.bench.heads(self.bench.scored())
        found = readings_of(self.bench.live, self.bench.tasks, heads, text)
        with self._changed:
            self.results.readings[recipe.digest, text] = found

    def _score(self, recipe: Recipe) -> None:
        """The next batch; the first one, while a slider moves, with weights up to rounding."""
        merge, known = self.bench.merge(recipe), self.results.evaluation(recipe)
        if self.results.slid == recipe.digest:
            known = None  # what was seen while it moved does not count
        slid, scores = False, self.bench.score_cache
        if known is None:
            known = self.bench.evaluation(self.bench.heads(self.bench.scored()), "held_out")
            recalled = scores.fill(known, merge, "held_out")
            slid = not recalled and self._model.slide(merge, self._scored)
        if not known.done:
            if not slid:
                self._model.wear(recipe.digest, merge)
            known.step(self.bench.live)
            if known.done and not slid:
                scores.keep(known, merge, "held_out")
        self._scored = recipe
        self.results.add_rows(recipe, known, slid)

    def _geometry(self, recipe: Recipe, find: Callable[[Merge], Geometry]) -> None:
        made = find(self.bench.merge(recipe))
        with self._changed:
            self.results.geometries[shape_of(recipe)] = made

    def _compare_orders(self, recipe: Recipe) -> None:
        """The components of the shape worn last are kept: a coefficient then takes milliseconds."""
        shape = shape_of(recipe)
        merge = self.bench.merge(recipe)
        if self._orders[0] != shape:
            self._orders = (shape, orders(merge))
        said = order_words(merge, self._orders[1])
        with self._changed:
            self.results.sentences[recipe.digest] = said

    def _reference(self) -> None:
        """The next batch of rows of an expert or the base."""
        step = next(self._references, None)
        if step is None:
            self.results.references_done = True
        else:
            self.results.add_reference(*step)
