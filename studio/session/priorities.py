"""What the worker does next: a moved slider first, exact scores of what is at rest last."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.measure.bench import Bench
from studio.measure.evaluate import RowAt
from studio.measure.writing import Asked
from studio.methods import method
from studio.recipe import Recipe
from studio.session.geometry import shape_of
from studio.session.results import Results
from studio.session.viewers import Viewers


@dataclass(frozen=True)
class Step:
    """One step of the worker: a batch of rows or one measurement.

    Attributes:
        kind: 'pace' (time a batch), 'sketch' (geometry by algebra), 'read' (a text), 'write' (the
            next piece of one), 'look' (at pictures), 'score' (the next batch), 'expert' (measure
            one for a method that needs data, or fit it to them), 'geometry' (measure it), 'order'
            (compare orders of the tasks) or 'reference' (the next batch of an expert or the base).
        recipe: that it is for; None for 'pace' and 'reference', which serve all.
        text: to read.
        asked: what is to be written.
        rows: to look at.
    """

    kind: str
    recipe: Recipe | None = None
    text: str = ""
    asked: Asked | None = None
    rows: tuple[RowAt, ...] = ()


class Priorities:
    """The order of the worker's steps; whoever asks holds the worker's condition.

    Args:
        bench: the open zoo.
        viewers: what pages show and jobs wait for.
        results: what is known already.
        shipped: digest of the recipe whose scores came with the zoo; empty without one.

    Attributes:
        paced: whether a batch was timed.
        ahead: seconds by which shown rows are ahead of scores since both are waited for.
    """

    def __init__(self, bench: Bench, viewers: Viewers, results: Results, shipped: str = "") -> None:
        self._bench, self._shipped = bench, shipped
        self._viewers = viewers
        self._results = results
        self.paced = False
        self.ahead = 0.0

    def next(self) -> Step | None:
        """The most urgent step; None if all that pages can ask for is there."""
        shown, waiting = self._split(self._viewers.recipes)
        firsts = [each for each in shown if each in self._viewers.firsts]
        needed, unmeasured = self._split(self._viewers.needed)
        if first := self._first_geometry(shown):
            return first
        if (shown or needed) and not self.paced and self._bench.scored():
            return Step("pace")
        return (
            self._sketch(shown)
            or self._read()
            or self._example_or_score(firsts)
            or self._score(shown, "seen")
            or self._score(needed, "done")
            or self._expert([*waiting, *unmeasured])
            or self._geometry(shown)
            or (self._reference() if shown else None)
            or self._score(shown, "done")
        )

    def took(self, step: Step, seconds: float) -> None:
        """A step has taken so long."""
        signs = {"write": 1, "look": 1, "score": -1}
        self.ahead += signs.get(step.kind, 0) * seconds

    def _example_or_score(self, shown: Sequence[Recipe]) -> Step | None:
        """Pictures and the next piece of a text, or a page's next rows: half of the time each.

        The first rows after a move come before.
        """
        example, scoring = self._look() or self._write(), self._score(shown, "seen")
        if example is None or scoring is None:
            self.ahead = 0.0
            return example or scoring
        assert scoring.recipe is not None
        begun = scoring.recipe.digest in self._results.evaluations
        return example if begun and self.ahead <= 0 else scoring

    def _look(self) -> Step | None:
        """Pictures whose likeliest options are not known."""
        for recipe, rows in self._viewers.looks:
            left = tuple(row for row in rows if (recipe.digest, row) not in self._results.looks)
            if left and recipe.digest != self._results.slid and self._split([recipe])[0]:
                return Step("look", recipe, rows=left)
        return None

    def _write(self) -> Step | None:
        """A text that is not at its end; of a mix while its slider moves, only once it rests."""
        for recipe, asked in self._viewers.writings:
            known = self._results.writings.get((recipe.digest, asked))
            ended = known is not None and known.ending
            if not ended and recipe.digest != self._results.slid and self._split([recipe])[0]:
                return Step("write", recipe, asked=asked)
        return None

    def _split(self, recipes: Sequence[Recipe]) -> tuple[list[Recipe], list[Recipe]]:
        """Recipes that were not refused: those that can be merged, and those to measure for."""
        allowed = [each for each in recipes if each.digest not in self._results.refusals]
        waiting = [each for each in allowed if self._waits(each)]
        return [each for each in allowed if each not in waiting], waiting

    def _sketch(self, shown: Sequence[Recipe]) -> Step | None:
        """A geometry that is milliseconds away, since all inner products are at hand."""
        for each in shown if "gram" in vars(self._bench) else ():
            unknown = shape_of(each) not in self._results.geometries
            if each.tasks and unknown and not method(each.method, each.options).derives:
                return Step("sketch", each)
        return None

    def _read(self) -> Step | None:
        """A shown recipe that a page's own text was not read with."""
        for recipe, text in self._viewers.texts if self._bench.scored() else ():
            unread = (recipe.digest, text) not in self._results.readings
            if unread and self._split([recipe])[0]:
                return Step("read", recipe, text)
        return None

    def _score(self, recipes: Sequence[Recipe], wanted: str) -> Step | None:
        """The recipe that is furthest from every row being 'seen', or 'done' exactly.

        Of several pages each has its first rows, then twice as many, and so on, before the next has
        more: who moves again and again does not keep the others waiting.
        """
        left = []
        for each in recipes if self._bench.scored() else ():
            known = self._results.evaluations.get(each.digest)
            if known is None or each.digest == self._results.slid:
                left.append((0, each))
            elif not getattr(known, wanted):
                left.append((known.doublings, each))
        if not left:
            return None
        return Step("score", min(left, key=lambda each: each[0])[1])

    def _expert(self, recipes: Sequence[Recipe]) -> Step | None:
        """The first recipe that waits for an expert to be measured."""
        return next((Step("expert", each) for each in recipes if self._waits(each)), None)

    def _waits(self, recipe: Recipe) -> bool:
        """Whether something is to be measured on validation rows before it can be merged."""
        if recipe.fits_experts and self._bench.fits.missing(recipe):
            return True
        return bool(self._bench.unmeasured(recipe))

    def _first_geometry(self, shown: Sequence[Recipe]) -> Step | None:
        """The geometry of a mix whose scores can be seen before they are computed: first of all."""
        for each in shown:
            if each.digest == self._shipped and shape_of(each) not in self._results.geometries:
                return Step("geometry", each)
        return None

    def _geometry(self, shown: Sequence[Recipe]) -> Step | None:
        """A geometry whose components were not measured, or what the order of tasks matters."""
        for each in shown:
            known = self._results.geometries.get(shape_of(each))
            if each.tasks and (known is None or known.residual is None):
                return Step("geometry", each)
            if each.tasks and each.digest not in self._results.sentences:
                return Step("order", each)
        return None

    def _reference(self) -> Step | None:
        left = not self._results.references_done and not self._results.refusal_of_references
        return Step("reference") if left else None
