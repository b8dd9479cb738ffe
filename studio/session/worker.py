"""The background worker: live scores first, then geometry, then references and maps."""

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from studio.errors import Cancelled, StudioError
from studio.geometry.gram import Gram
from studio.geometry.known import kept_gram
from studio.geometry.maps import DeltaMap, mds_map, tsne_map
from studio.geometry.order import Orders
from studio.merge import Merge
from studio.recipe import Recipe
from studio.tasks.bench import Bench, resident_limit
from studio.tasks.change import Change, carried, changes
from studio.tasks.evaluate import Evaluation
from studio.tasks.scores import Score
from studio.tasks.slide import moved_task, slide_bytes
from studio.workspace import components_gram, joint_gram, order_words, orders

_KEPT_EVALUATIONS = 64
_KEPT_GEOMETRIES = 16
_KEPT_SENTENCES = 64
_KEPT_REFUSALS = 64
_MOST_PAGES = 16
_REFERENCES = "references"
_WORTH_SLIDING = 2**28  # bytes of a slide; smaller merges are worn in a blink


@dataclass(frozen=True)
class Geometry:
    """The geometry of a merge: raw and component Grams, residual, and maps once they are drawn."""

    before: Gram
    after: Gram
    residual: float
    scope: str
    weighed: bool
    shares: tuple[float, ...]
    maps: tuple[DeltaMap, ...] = ()


class Worker:
    """Computes what the page shows, in small steps, the most urgent first.

    One thread owns the live model. Whoever asks for something else is served at the next step,
    which is a batch of rows or one map.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.version = 0
        self.experts: dict[str, Score] = {}
        self.head_only: dict[str, Score] = {}
        self.base: dict[str, Score] = {}
        self._changed = threading.Condition()
        self._wanted: OrderedDict[str, Recipe] = OrderedDict()  # by page, the latest last
        self._full: Evaluation | None = None
        self._needed: list[Recipe] = []
        self._evaluations: OrderedDict[str, Evaluation] = OrderedDict()
        self._geometries: OrderedDict[object, Geometry] = OrderedDict()
        self._sentences: OrderedDict[str, str] = OrderedDict()
        self._orders: tuple[object, Orders | None] = (None, None)
        self._refusals: dict[str, str] = {}
        self._worn = ""
        self._shown: Recipe | None = None
        self._slid = ""
        self._references = self._reference_steps()
        self._references_done = False
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
        if self._thread.is_alive():
            self._thread.join()

    def want(self, recipe: Recipe, page: str = "", behind: bool = False) -> None:
        """Show this recipe from now on.

        Args:
            recipe: to score and measure.
            page: who shows it, in place of what that page showed before.
            behind: whether it waits for what others show.
        """
        with self._changed:
            if behind and self._wanted.get(page) == recipe:
                return
            self._wanted[page] = recipe
            self._wanted.move_to_end(page, last=not behind)
            while len(self._wanted) > _MOST_PAGES:
                self._wanted.popitem(last=False)
            self.version += 1
            self._changed.notify_all()

    @property
    def refusal_of_references(self) -> str:
        """Why experts and base cannot be scored; empty if they can."""
        with self._changed:
            return self._refusals.get(_REFERENCES, "")

    @property
    def idle(self) -> bool:
        """Whether all that the page can ask for is there."""
        with self._changed:
            return bool(self._wanted) and self._next() is None

    def evaluation(self, recipe: Recipe) -> Evaluation | None:
        """What is known of a recipe's scores."""
        with self._changed:
            return self._evaluations.get(recipe.digest)

    def shown_scores(self, recipe: Recipe) -> dict[str, Score]:
        """Its scores: on few rows, carried along from the last full pass of any recipe."""
        with self._changed:
            known = self._evaluations.get(recipe.digest)
            if known is None or known.done or self._full is None:
                return known.scores() if known else {}
            return carried(self._full, known)

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
            return self._geometries.get(_shape(recipe))

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
                while not self._stopped and self._next() is None:
                    self._changed.wait()
                step = self._next()
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
                    self._forget(self._refusals, _KEPT_REFUSALS)
                self.version += 1
                self._changed.notify_all()

    def _forget(self, kept: dict, most: int) -> None:
        """Drop the oldest by digest, but none that a page or a job waits for."""
        shown = {each.digest for each in (*self._wanted.values(), *self._needed)} | {_REFERENCES}
        old = [key for key in kept if key not in shown]
        for key in old[: max(len(kept) - most, 0)]:
            del kept[key]

    def _next(self) -> tuple[Callable[[], None], str] | None:
        """The most urgent step and what a refusal of it is about, or None."""
        shown = list(reversed(self._wanted.values()))
        for each in (*shown, *self._needed):
            if each.digest not in self._refusals and not self._is_scored(each):
                return partial(self._score, each), each.digest
        usable = [each for each in shown if each.tasks and each.digest not in self._refusals]
        for each in usable:
            if self._geometries.get(_shape(each)) is None:
                return partial(self._measure, each), each.digest
            if each.digest not in self._sentences:
                return partial(self._compare_orders, each), each.digest
        if self._wanted and not self._references_done and _REFERENCES not in self._refusals:
            return self._reference, _REFERENCES
        for each in usable:
            known = self._geometries[_shape(each)]
            if not known.maps:
                return partial(self._draw, each, known), each.digest
        return None

    def _is_scored(self, recipe: Recipe) -> bool:
        known = self._evaluations.get(recipe.digest)
        exact = recipe.digest != self._slid
        return not self.bench.scored() or (known is not None and known.done and exact)

    def _score(self, recipe: Recipe) -> None:
        """The next batch; the first one, while a slider moves, with weights up to rounding."""
        merge, known = self.bench.merge(recipe), self._evaluations.get(recipe.digest)
        if self._slid == recipe.digest:
            known = None  # what was seen while it moved does not count
        slid = known is None and self._slide(merge)
        if not slid:
            self._wear(recipe.digest, merge)
        if known is None:
            known = self.bench.evaluation(self.bench.heads(self.bench.scored()), "held_out")
        known.step(self.bench.live)
        with self._changed:
            if self._slid != recipe.digest:
                self._evaluations.pop(self._slid, None)
            self._slid = recipe.digest if slid else ""
            self._shown = recipe
            self._evaluations[recipe.digest] = known
            if known.done and not slid:
                self._full = known
            self._forget(self._evaluations, _KEPT_EVALUATIONS)

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

    def _measure(self, recipe: Recipe) -> None:
        shape = _shape(recipe)
        merge = self.bench.merge(recipe)
        about = [recipe.method, dict(recipe.options)]
        measured = kept_gram(merge.deltas, lambda: components_gram(merge), about)
        geometry = Geometry(
            merge.gram,
            merge.basis.weighed(measured),
            merge.residual(measured),
            merge.basis.scope,
            merge.basis.scales is not None,
            shares(merge, measured),
        )
        with self._changed:
            self._geometries[shape] = geometry
            while len(self._geometries) > _KEPT_GEOMETRIES:
                self._geometries.popitem(last=False)

    def _compare_orders(self, recipe: Recipe) -> None:
        """The components of the shape worn last are kept: a coefficient then takes milliseconds."""
        shape = _shape(recipe)
        merge = self.bench.merge(recipe)
        if self._orders[0] != shape:
            self._orders = (shape, orders(merge))
        said = order_words(merge, self._orders[1])
        with self._changed:
            self._sentences[recipe.digest] = said
            while len(self._sentences) > _KEPT_SENTENCES:
                self._sentences.popitem(last=False)

    def _draw(self, recipe: Recipe, known: Geometry) -> None:
        merge = self.bench.merge(recipe)
        both = joint_gram(merge)
        drawn = (tsne_map(both, recipe.seed), mds_map(both))
        maps = tuple(each for each in drawn if each is not None)
        with self._changed:
            self._geometries[_shape(recipe)] = Geometry(**{**vars(known), "maps": maps})

    def _reference(self) -> None:
        if next(self._references, None) is None:
            self._references_done = True

    def _reference_steps(self) -> Iterator[bool]:
        """Experts, head-only and base, one batch at a time."""
        names, heads = self.bench.scored(), self.bench.heads
        if not names:
            return
        plans: list[tuple[dict, str | None, Callable[[dict[str, Score]], None]]] = [
            (heads([name]), name, self.experts.update) for name in names
        ]
        if fitted := self.bench.fitted_heads():
            plans.append((fitted, None, self.head_only.update))
        plans.append((heads(names), None, self.base.update))
        for chosen, expert, keep in plans:
            evaluation = self.bench.evaluation(chosen, "held_out")
            while not evaluation.done:
                merge = self.bench.expert(expert) if expert else None
                self._wear(f"expert {expert}" if expert else "base", merge)
                evaluation.step(self.bench.live)
                yield True
            keep(evaluation.scores())


def shares(merge: Merge, measured: Gram) -> tuple[float, ...]:
    """Share of each delta's squared norm that its component holds."""
    if not merge.method.derives:
        return tuple(merge.basis.shares.tolist())
    before, after = merge.gram.total().diagonal(), measured.total().diagonal()
    return tuple((after / before.where(before > 0, 1.0)).tolist())


def _shape(recipe: Recipe) -> object:
    """What a recipe's geometry depends on: not on its coefficients."""
    checkpoints = tuple((task.name, task.checkpoint) for task in recipe.tasks)
    return checkpoints, recipe.method, tuple(sorted(recipe.options.items()))
