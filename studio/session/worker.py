"""The background worker: live scores first, then geometry, references, and exact scores."""

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from studio.device import resident_limit
from studio.errors import Cancelled, StudioError
from studio.geometry.order import Orders
from studio.inspection import order_words, orders
from studio.measure.bench import Bench
from studio.measure.change import Change, carried_scores, changes
from studio.measure.evaluate import Evaluation
from studio.measure.references import measured_references
from studio.measure.scores import Score
from studio.measure.showcase import Reading, readings_of
from studio.merge import Merge
from studio.methods import method
from studio.recipe import Recipe
from studio.session.expert_measuring import ExpertMeasuring
from studio.session.geometry import Geometry, measured_geometry, shape_of, sketched_geometry
from studio.session.studies import Studies
from studio.session.viewers import Viewers
from studio.tasks.fast_slide import moved_task, slide_bytes

_KEPT = 64  # evaluations, readings, sentences and refusals, of each
_KEPT_GEOMETRIES = 16
_REFERENCES = "references"
_WORTH_SLIDING = 2**28  # bytes of a slide; smaller merges are worn in a blink


class Worker:
    """Computes what the page shows, in small steps, the most urgent first.

    One thread owns the live model. Whoever asks for something else is served at the next step,
    which is a batch of rows or one measurement.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.version = 0
        self.studies = Studies(bench)
        self.measuring = ExpertMeasuring(bench, self._is_wanted, self._told)
        self.experts: dict[str, Score] = {}
        self.head_only: dict[str, Score] = {}
        self.base: dict[str, Score] = {}
        self._changed = threading.Condition()
        self.shown = Viewers()
        self._full: Evaluation | None = None
        self._readings: OrderedDict[tuple[str, str], dict[str, Reading]] = OrderedDict()
        self._paced = False
        self._needed: list[Recipe] = []
        self._evaluations: OrderedDict[str, Evaluation] = OrderedDict()
        self._geometries: OrderedDict[object, Geometry] = OrderedDict()
        self._sentences: OrderedDict[str, str] = OrderedDict()
        self._orders: tuple[object, Orders | None] = (None, None)
        self._refusals: dict[str, str] = {}
        self._worn = ""
        self._shown: Recipe | None = None
        self._slid = ""
        self._references = measured_references(bench, self._wear)
        self.references_done = False
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
            self.shown.show(browser, recipe, pinned)
            self._told()

    def want_text(self, text: str, browser: str = "") -> None:
        """Read this text with every recipe that the page shows; an empty one no more."""
        with self._changed:
            self.shown.read(browser, text)
            self._told()

    def reading(self, recipe: Recipe, text: str) -> dict[str, Reading]:
        """What every head makes of a text, by a recipe; empty until it was read."""
        with self._changed:
            return dict(self._readings.get((recipe.digest, text), {}))

    def forget(self, browser: str) -> None:
        """Nobody looks any more at what this browser's page wanted."""
        with self._changed:
            self.shown.forget(browser)

    @property
    def refusal_of_references(self) -> str:
        """Why experts and base cannot be scored; empty if they can."""
        with self._changed:
            return self._refusals.get(_REFERENCES, "")

    @property
    def idle(self) -> bool:
        """Whether all that the page can ask for is there."""
        with self._changed:
            return bool(self.shown.recipes) and self._next() is None

    def evaluation(self, recipe: Recipe) -> Evaluation | None:
        """What is known of a recipe's scores."""
        with self._changed:
            return self._evaluations.get(recipe.digest)

    def shown_scores(self, recipe: Recipe) -> dict[str, Score]:
        """Its scores: on few rows, carried along from the last full pass of any recipe."""
        with self._changed:
            known = self._evaluations.get(recipe.digest)
            if known is None or known.seen or self._full is None:
                return known.scores() if known else {}
            return carried_scores(self._full, known)

    def changes(self, recipe: Recipe, other: Recipe) -> dict[str, Change]:
        """The change of each task from another recipe to this one, on the rows both have seen."""
        with self._changed:
            new, old = (self._evaluations.get(each.digest) for each in (recipe, other))
            return changes(new, old) if new and old and new is not old else {}

    def wait_for_rows(self, recipe: Recipe, seconds: float) -> None:
        """Wait until some rows of a recipe are scored, or it is refused, but not for long."""
        with self._changed:
            self._changed.wait_for(
                lambda: recipe.digest in self._evaluations or recipe.digest in self._refusals,
                seconds,
            )

    def geometry(self, recipe: Recipe) -> Geometry | None:
        """What is known of a recipe's geometry."""
        with self._changed:
            return self._geometries.get(shape_of(recipe))

    def order(self, recipe: Recipe) -> str:
        """How much the order of a recipe's tasks matters, as a sentence; empty until known."""
        with self._changed:
            return self._sentences.get(recipe.digest, "")

    def refusal(self, recipe: Recipe) -> str:
        """Why a recipe cannot be shown; empty if it can."""
        with self._changed:
            return self._refusals.get(recipe.digest, "")

    def scores(self, recipe: Recipe, report: Callable[[float], None]) -> dict[str, Score]:
        """All of a recipe's scores; waits for them. ``report`` may raise to give up."""
        if not self.bench.scored():
            return {}
        with self._changed:
            self._needed.append(recipe)
            self._changed.notify_all()
        try:
            while True:
                with self._changed:
                    known = self._evaluations.get(recipe.digest)
                    if known and known.done:
                        return known.scores()
                    if recipe.digest in self._refusals:
                        raise StudioError(self._refusals[recipe.digest])
                    if self._stopped:
                        raise Cancelled("Cancelled: the zoo was closed; nothing was written.")
                    self._changed.wait(0.1)
                report(known.share if known else 0.0)
        finally:
            with self._changed:
                self._needed.remove(recipe)

    def _run(self) -> None:
        while True:
            with self._changed:
                while (step := self._next()) is None and not self._stopped:
                    self._changed.wait()
                if self._stopped or step is None:
                    return
            work, about = step
            problem = ""
            try:
                work()
            except StudioError as refusal:
                problem = str(refusal)
            except Exception as bug:
                traceback.print_exc()
                problem = f"Internal error ({type(bug).__name__}); the terminal has details."
            with self._changed:
                if problem:
                    self._refusals[about] = problem
                    self._forget(self._refusals, _KEPT)
            self._told()

    def _forget(self, kept: dict, most: int) -> None:
        """Drop the oldest by digest, but none that a page or a job waits for."""
        shown = {each.digest for each in (*self.shown.recipes, *self._needed)} | {_REFERENCES}
        old = [key for key in kept if key not in shown]
        for key in old[: max(len(kept) - most, 0)]:
            del kept[key]

    def _next(self) -> tuple[Callable[[], None], str] | None:
        """The most urgent step and what a refusal of it is about, or None."""
        shown, waiting = self.measuring.split(self.shown.recipes, self._refusals)
        needed, unmeasured = self.measuring.split(self._needed, self._refusals)
        if (shown or needed) and not self._paced and self.bench.scored():
            return self._pace, _REFERENCES
        usable = [each for each in shown if each.tasks]
        for each in usable:
            if self._can_sketch(each):
                return partial(self._geometry, each, sketched_geometry), each.digest
        if unread := self._unread():
            return partial(self._read, *unread), unread[0].digest
        if unseen := self._unscored(shown, "seen") or self._unscored(needed, "done"):
            return partial(self._score, unseen), unseen.digest
        if step := self.measuring.step([*waiting, *unmeasured]):
            return step
        for each in usable:
            known = self._geometries.get(shape_of(each))
            if known is None or known.residual is None:
                return partial(self._geometry, each, measured_geometry), each.digest
            if each.digest not in self._sentences:
                return partial(self._compare_orders, each), each.digest
        if shown and not self.references_done and _REFERENCES not in self._refusals:
            return self._reference, _REFERENCES
        if inexact := self._unscored(shown, "done"):
            return partial(self._score, inexact), inexact.digest
        return None

    def _is_wanted(self, recipe: Recipe) -> bool:
        with self._changed:
            return not self._stopped and recipe in (*self.shown.recipes, *self._needed)

    def _told(self) -> None:
        """Something that the page shows has changed."""
        with self._changed:
            self.version += 1
            self._changed.notify_all()

    def _unscored(self, recipes: list[Recipe], wanted: str) -> Recipe | None:
        """The first recipe of which not every row is 'seen', or 'done' exactly."""
        for each in recipes if self.bench.scored() else ():
            known = self._evaluations.get(each.digest)
            if known is None or not getattr(known, wanted) or each.digest == self._slid:
                return each
        return None

    def _unread(self) -> tuple[Recipe, str] | None:
        """A shown recipe that a page's own text was not read with."""
        for recipe, text in self.shown.texts if self.bench.scored() else ():
            unread = (recipe.digest, text) not in self._readings
            if unread and self.measuring.split([recipe], self._refusals)[0]:
                return recipe, text
        return None

    def _pace(self) -> None:
        self._paced = True
        self.bench.live.measure_pace()

    def _read(self, recipe: Recipe, text: str) -> None:
        self._wear(recipe.digest, self.bench.merge(recipe))
        heads = self.bench.heads(self.bench.scored())
        found = readings_of(self.bench.live, self.bench.tasks, heads, text)
        with self._changed:
            self._readings[recipe.digest, text] = found
            while len(self._readings) > _KEPT:
                self._readings.popitem(last=False)

    def _score(self, recipe: Recipe) -> None:
        """The next batch; the first one, while a slider moves, with weights up to rounding."""
        merge, known = self.bench.merge(recipe), self._evaluations.get(recipe.digest)
        if self._slid == recipe.digest:
            known = None  # what was seen while it moved does not count
        slid, scores = False, self.bench.score_cache
        if known is None:
            known = self.bench.evaluation(self.bench.heads(self.bench.scored()), "held_out")
            slid = not scores.fill(known, merge, "held_out") and self._slide(merge)
        if not known.done:
            if not slid:
                self._wear(recipe.digest, merge)
            known.step(self.bench.live)
            if known.done and not slid:
                scores.keep(known, merge, "held_out")
        with self._changed:
            if self._slid != recipe.digest:
                self._evaluations.pop(self._slid, None)
            self._slid = recipe.digest if slid else ""
            self._shown = recipe
            self._evaluations[recipe.digest] = known
            if known.seen and not slid:
                self._full = known
            self._forget(self._evaluations, _KEPT)

    def _slide(self, merge: Merge) -> bool:
        """Wear a large merge that one slider has moved; whether it was possible."""
        before = self._shown
        task = moved_task(before, merge.recipe) if before else None
        if task is None or merge.method.weighs or slide_bytes(merge) < _WORTH_SLIDING:
            return False
        self._worn = ""
        return self.bench.live.slide(merge, task, resident_limit())

    def _wear(self, key: str, merge: Merge | None) -> None:
        if self._worn != key:
            self._worn = ""
            self.bench.live.wear(merge)
            self._worn = key

    def _can_sketch(self, recipe: Recipe) -> bool:
        """Whether a geometry is milliseconds away: all inner products are at hand."""
        known = "gram" in vars(self.bench) and shape_of(recipe) not in self._geometries
        return known and not method(recipe.method, recipe.options).derives

    def _geometry(self, recipe: Recipe, find: Callable[[Merge], Geometry]) -> None:
        """Sketched, so that matrices follow a slider; measured once the scores are there."""
        made = find(self.bench.merge(recipe))
        with self._changed:
            self._geometries[shape_of(recipe)] = made
            while len(self._geometries) > _KEPT_GEOMETRIES:
                self._geometries.popitem(last=False)

    def _compare_orders(self, recipe: Recipe) -> None:
        """The components of the shape worn last are kept: a coefficient then takes milliseconds."""
        shape = shape_of(recipe)
        merge = self.bench.merge(recipe)
        if self._orders[0] != shape:
            self._orders = (shape, orders(merge))
        said = order_words(merge, self._orders[1])
        with self._changed:
            self._sentences[recipe.digest] = said
            while len(self._sentences) > _KEPT:
                self._sentences.popitem(last=False)

    def _reference(self) -> None:
        """The next batch of rows of an expert or the base."""
        step = next(self._references, None)
        if step is None:
            self.references_done = True
        else:
            kind, scores = step
            {"expert": self.experts, "head_only": self.head_only, "base": self.base}[kind] |= scores
