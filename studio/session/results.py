"""What is known of recipes and of the zoo: scores, readings, geometry, order, and refusals."""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Condition

from studio.measure.change import Change, carried_scores, changes
from studio.measure.evaluate import Evaluation, RowAt
from studio.measure.intervals import Score
from studio.measure.showcase import Likeliest, Reading
from studio.measure.writing import Asked, Written
from studio.recipe import Recipe
from studio.session.bounded_store import BoundedStore
from studio.session.geometry import Geometry, shape_of

_KEPT = 64  # evaluations and refusals, of each, beside those that are needed
_KEPT_WORDS = 256  # readings, writings and sentences, of each
_KEPT_GEOMETRIES = 16
_KEPT_LOOKS = 1024  # rows by recipe, a dozen for each


class Results:
    """What the worker has found and pages look at; of every kind the latest few.

    Args:
        changed: the worker's condition, which guards everything here. The methods take it; whoever
            touches an attribute holds it.
        wanted: the recipes that pages show or jobs wait for, of which everything is kept.
        writings: what pages wait for to be written by which recipe, which is kept, too.
        looks: which rows pages look at by which recipe; what is known of them is kept, too.

    Attributes:
        evaluations: by digest of the recipe.
        refusals: why a recipe cannot be shown, by digest.
        readings: what every head makes of a text, by digest and text.
        writings: what was written, by digest and by what was asked.
        looks: the likeliest options of held-out rows that are pictures, by digest and row.
        geometries: by shape of the recipe.
        sentences: how much the order of a recipe's tasks matters, by digest.
        slid: digest of the recipe whose evaluation holds no more than rows seen while a slider
            moved, with weights up to rounding; empty for none.
        experts: each task's score by its own checkpoint, as far as known.
        head_only: of the base with heads fitted on it.
        base: of the base with the experts' heads.
        references_share: of their batches that are run, 0 to 1.
        references_done: whether all there is of these three is known, exactly.
        refusal_of_references: why they cannot be scored; empty if they can.
    """

    def __init__(
        self, changed: Condition, wanted: Callable[[], Collection[Recipe]],
        writings: Callable[[], Collection[tuple[Recipe, Asked]]] = tuple,
        looks: Callable[[], Collection[tuple[Recipe, Sequence[RowAt]]]] = tuple,
    ) -> None:  # fmt: skip
        self._changed = changed

        def needed() -> set[str]:
            return {recipe.digest for recipe in wanted()}

        def shapes() -> set[object]:
            return {shape_of(recipe) for recipe in wanted()}

        def asked() -> set[tuple[str, Asked]]:
            return {(recipe.digest, each) for recipe, each in writings()}

        def looked() -> set[tuple[str, RowAt]]:
            return {(recipe.digest, row) for recipe, rows in looks() for row in rows}

        self.evaluations: BoundedStore[str, Evaluation] = BoundedStore(_KEPT, needed)
        self.refusals: BoundedStore[str, str] = BoundedStore(_KEPT, needed)
        self.readings: BoundedStore[tuple[str, str], dict[str, Reading]] = BoundedStore(_KEPT_WORDS)
        self.writings: BoundedStore[tuple[str, Asked], Written] = BoundedStore(_KEPT_WORDS, asked)
        self.looks: BoundedStore[tuple[str, RowAt], Likeliest] = BoundedStore(_KEPT_LOOKS, looked)
        self.geometries: BoundedStore[object, Geometry] = BoundedStore(_KEPT_GEOMETRIES, shapes)
        self.sentences: BoundedStore[str, str] = BoundedStore(_KEPT_WORDS)
        self.slid = ""
        self.experts: dict[str, Score] = {}
        self.head_only: dict[str, Score] = {}
        self.base: dict[str, Score] = {}
        self.references_share = 0.0
        self.references_done = False
        self.refusal_of_references = ""
        self._full: Evaluation | None = None

    def evaluation(self, recipe: Recipe) -> Evaluation | None:
        """What is known of a recipe's scores."""
        with self._changed:
            return self.evaluations.get(recipe.digest)

    def scores(self, recipe: Recipe) -> dict[str, Score]:
        """Its scores: on few rows, carried along from the last full pass of any recipe."""
        with self._changed:
            known = self.evaluations.get(recipe.digest)
            if known is None or known.seen or self._full is None:
                return known.scores() if known else {}
            return carried_scores(self._full, known)

    def changes(self, recipe: Recipe, other: Recipe) -> dict[str, Change]:
        """The change of each task from another recipe to this one, on the rows both have seen."""
        with self._changed:
            new, old = (self.evaluations.get(each.digest) for each in (recipe, other))
            return changes(new, old) if new and old and new is not old else {}

    def reading(self, recipe: Recipe, text: str) -> dict[str, Reading]:
        """What every head makes of a text, by a recipe; empty until it was read."""
        with self._changed:
            return dict(self.readings.get((recipe.digest, text), {}))

    def written(self, recipe: Recipe, asked: Asked) -> Written | None:
        """What a recipe has written so far; None before it has read the prompt."""
        with self._changed:
            return self.writings.get((recipe.digest, asked))

    def looked(self, recipe: Recipe, row: RowAt) -> Likeliest | None:
        """The likeliest options of a row, by a recipe; None until they are known."""
        with self._changed:
            return self.looks.get((recipe.digest, row))

    def geometry(self, recipe: Recipe) -> Geometry | None:
        """What is known of a recipe's geometry."""
        with self._changed:
            return self.geometries.get(shape_of(recipe))

    def order(self, recipe: Recipe) -> str:
        """How much the order of a recipe's tasks matters, as a sentence; empty until known."""
        with self._changed:
            return self.sentences.get(recipe.digest, "")

    def refusal(self, recipe: Recipe) -> str:
        """Why a recipe cannot be shown; empty if it can."""
        with self._changed:
            return self.refusals.get(recipe.digest, "")

    def add_rows(self, recipe: Recipe, evaluation: Evaluation, slid: bool) -> None:
        """Keep a recipe's evaluation that holds one more batch.

        Args:
            recipe: that was worn.
            evaluation: of it so far.
            slid: whether it was worn by moving the weights of the recipe before.
        """
        with self._changed:
            if self.slid != recipe.digest:
                self.evaluations.pop(self.slid, None)
            self.slid = recipe.digest if slid else ""
            self.evaluations[recipe.digest] = evaluation
            if evaluation.seen and not slid:
                self._full = evaluation

    def add_readings(self, recipe: Recipe, text: str, found: dict[str, Reading]) -> None:
        """Keep what every head makes of a text, by a recipe."""
        with self._changed:
            self.readings[recipe.digest, text] = found

    def add_looks(self, recipe: Recipe, found: Mapping[RowAt, Likeliest]) -> None:
        """Keep the likeliest options of some rows, by a recipe."""
        with self._changed:
            for row, options in found.items():
                self.looks[recipe.digest, row] = options

    def add_written(self, recipe: Recipe, asked: Asked, written: Written) -> None:
        """Keep what a recipe has written so far."""
        with self._changed:
            self.writings[recipe.digest, asked] = written

    def add_reference(self, kind: str, scores: Mapping[str, Score], share: float) -> None:
        """Keep scores of an 'expert', or of the base as 'head_only' or 'base'.

        Args:
            kind: which of them.
            scores: that became known.
            share: of all references' batches that is done, 0 to 1.
        """
        known = {"expert": self.experts, "head_only": self.head_only, "base": self.base}
        with self._changed:
            known[kind].update(scores)
            self.references_share = share

    def refuse(self, recipe: Recipe | None, problem: str) -> None:
        """Keep why a step failed: for a recipe, or for the references if there is none."""
        with self._changed:
            if recipe is None:
                self.refusal_of_references = problem
            else:
                self.refusals[recipe.digest] = problem
