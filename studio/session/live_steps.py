"""What the worker does with the live model: read and write texts, score rows, score references."""

from collections.abc import Sequence
from functools import cached_property

from studio.measure.bench import Bench
from studio.measure.evaluate import RowAt
from studio.measure.references import measured_references
from studio.measure.showcase import likeliest, readings_of
from studio.measure.writing import Asked, Scribe
from studio.recipe import Recipe
from studio.session.results import Results
from studio.session.worn_model import WornModel


class LiveSteps:
    """Steps of the one thread that owns the live model; what they find is kept as a result.

    Args:
        bench: the open zoo.
        results: what is known.
    """

    def __init__(self, bench: Bench, results: Results) -> None:
        self._bench, self._results = bench, results
        self._model = WornModel(bench)
        self._scored: Recipe | None = None
        self._references = measured_references(bench, self._model.wear)

    def read(self, recipe: Recipe, text: str) -> None:
        """A text, by every head."""
        bench, merge = self._bench, self._bench.merge(recipe)
        self._model.wear(recipe.digest, merge)
        heads = bench.heads(bench.scored())
        heads |= bench.fits.heads.replacing(merge, heads)
        found = readings_of(bench.live, bench.tasks, heads, text)
        self._results.add_readings(recipe, text, found)

    def write(self, recipe: Recipe, asked: Asked | None) -> None:
        """The next piece of a text."""
        assert asked is not None
        self._model.wear(recipe.digest, self._bench.merge(recipe))
        known = self._results.written(recipe, asked)
        self._results.add_written(recipe, asked, self._scribe.step(recipe.digest, asked, known))

    def look(self, recipe: Recipe, rows: Sequence[RowAt]) -> None:
        """The likeliest options of some pictures."""
        merge = self._bench.merge(recipe)
        self._model.wear(recipe.digest, merge)
        found = likeliest(self._bench.live, self._bench.fits.heads.tasks(merge), rows)
        self._results.add_looks(recipe, found)

    def score(self, recipe: Recipe) -> None:
        """The next batch; the first one, while a slider moves, with weights up to rounding."""
        bench, results = self._bench, self._results
        merge, known = bench.merge(recipe), results.evaluation(recipe)
        if results.slid == recipe.digest:
            known = None  # what was seen while it moved does not count
        slid, scores = False, bench.score_cache
        if known is None:
            known = bench.evaluation(bench.heads(bench.scored()), "held_out", merge=merge)
            recalled = scores.fill(known, merge, "held_out")
            slid = not recalled and self._model.slide(merge, self._scored)
        if not known.done:
            if not slid:
                self._model.wear(recipe.digest, merge)
            known.step(bench.live)
            if known.done and not slid:
                scores.keep(known, merge, "held_out")
        self._scored = recipe
        results.add_rows(recipe, known, slid)

    def reference(self) -> None:
        """The next batch of rows of an expert or the base."""
        step = next(self._references, None)
        if step is None:
            self._results.references_done = True
        else:
            self._results.add_reference(*step)

    @cached_property
    def _scribe(self) -> Scribe:
        return Scribe(self._bench.live, self._bench.tasks)
