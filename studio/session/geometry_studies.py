"""Maps of deltas, and sign conflict and subspace overlap: made for the page that looks at them."""

from collections.abc import Callable

from studio.geometry.conflict_report import TensorReport, report
from studio.geometry.gram import Gram
from studio.geometry.maps import DeltaMap, Directions, draw_beside, draw_map
from studio.geometry.plane import Spot
from studio.geometry.tensor_look import TensorLook, tensor_look
from studio.inspection import (
    counted_directions,
    hidden_directions,
    joint_gram,
    random_joint_gram,
    tensor_vectors,
)
from studio.measure.bench import Bench
from studio.merge import Merge
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.background import Answer, OnDemand
from studio.session.geometry import shape_of

Reports = dict[str, TensorReport]
Counts = dict[str, dict]
"""Per matrix what ``counted_directions`` finds."""


class GeometryStudies:
    """Five threads at most: for maps, a pass over the deltas, one tensor, places, and counts.

    Args:
        bench: the open zoo.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._maps: OnDemand[DeltaMap] = OnDemand()
        self._reports: OnDemand[Reports] = OnDemand()
        self._tensors: OnDemand[TensorLook] = OnDemand()
        self._spots: OnDemand[tuple[Spot, ...]] = OnDemand()
        self._counts: OnDemand[Counts] = OnDemand()
        self._joint: tuple[object, Gram] | None = None
        self._hidden: tuple[object, tuple[Directions, Directions] | None] | None = None

    def map(self, page: object, recipe: Recipe, kind: str, random: bool) -> Answer[DeltaMap]:
        """A map of a recipe's deltas and components, or of random ones of equal norms.

        Args:
            page: who looks.
            recipe: that can be merged.
            kind: as in ``draw_map``.
            random: whether directions are drawn at random.
        """
        about = (shape_of(recipe), random)

        def make(progress: Progress) -> DeltaMap:
            merge = self._bench.merge(recipe)
            hidden = None if kind == "mds" else self._directions(about[0], merge, progress)
            if hidden is not None:
                own, control = hidden
                return draw_beside(kind, control if random else own, control, recipe.seed)
            if self._joint is None or self._joint[0] != about:
                self._joint = about, random_joint_gram(merge) if random else joint_gram(merge)
            return draw_map(kind, self._joint[1], recipe.seed)

        return self._maps.ask(page, (about, kind), make)

    def report(self, page: object, recipe: Recipe) -> Answer[Reports]:
        """Sign conflict and subspace overlap of a recipe's raw deltas in every tensor."""

        def make(progress: Progress) -> Reports:
            return report(self._bench.merge(recipe).deltas, progress)

        return self._reports.ask(page, tuple(shape_of(recipe)[0]), make)

    def tensor(self, page: object, recipe: Recipe, name: str) -> Answer[TensorLook]:
        """One tensor of a recipe from close by."""

        def make(progress: Progress) -> TensorLook:
            merge = self._bench.merge(recipe)
            shape = merge.deltas.at(name).shape
            return tensor_look(name, shape, merge.deltas.tasks, *tensor_vectors(merge, name))

        return self._tensors.ask(page, (shape_of(recipe), name), make)

    def counted(self, page: object, recipe: Recipe) -> Answer[Counts]:
        """How often a recipe's merge counts directions, before any ``svc``."""

        def make(progress: Progress) -> Counts:
            return counted_directions(self._bench.merge(recipe))

        return self._counts.ask(page, str(recipe.plain()), make)

    def spots(
        self, page: object, key: object, make: Callable[[Progress], tuple[Spot, ...]]
    ) -> Answer[tuple[Spot, ...]]:
        """Where merges stand on a plane, of methods that derive what they mix from the deltas.

        Args:
            page: who looks, and at what.
            key: of the places.
            make: finds them, reporting progress.
        """
        return self._spots.ask(page, key, make)

    def leave_report(self, page: object) -> None:
        """The page no longer looks at sign conflict or overlap."""
        self._reports.leave(page)

    def stop(self) -> None:
        """Give up what is being made."""
        self._maps.stop()
        self._reports.stop()
        self._tensors.stop()
        self._spots.stop()
        self._counts.stop()

    def _directions(
        self, shape: object, merge: Merge, progress: Progress
    ) -> tuple[Directions, Directions] | None:
        """Those in the hidden space and the random ones; kept for the next kind of map."""
        if self._hidden is None or self._hidden[0] != shape:
            self._hidden = shape, hidden_directions(merge, progress)
        return self._hidden[1]
