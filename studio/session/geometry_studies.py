"""Maps of deltas, and sign conflict and subspace overlap: made for the page that looks at them."""

from studio.geometry.conflict_report import TensorReport, report
from studio.geometry.gram import Gram
from studio.geometry.maps import DeltaMap, draw_map
from studio.inspection import joint_gram, random_joint_gram
from studio.measure.bench import Bench
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.background import Answer, OnDemand
from studio.session.geometry import shape_of

Reports = dict[str, TensorReport]


class GeometryStudies:
    """Two threads at most: one draws maps, one passes over the deltas.

    Args:
        bench: the open zoo.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._maps: OnDemand[DeltaMap] = OnDemand()
        self._reports: OnDemand[Reports] = OnDemand()
        self._joint: tuple[object, Gram] | None = None

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
            if self._joint is None or self._joint[0] != about:
                merge = self._bench.merge(recipe)
                self._joint = about, random_joint_gram(merge) if random else joint_gram(merge)
            return draw_map(kind, self._joint[1], recipe.seed)

        return self._maps.ask(page, (about, kind), make)

    def report(self, page: object, recipe: Recipe) -> Answer[Reports]:
        """Sign conflict and subspace overlap of a recipe's raw deltas in every tensor."""

        def make(progress: Progress) -> Reports:
            return report(self._bench.merge(recipe).deltas, progress)

        return self._reports.ask(page, tuple(shape_of(recipe)[0]), make)

    def leave_report(self, page: object) -> None:
        """The page no longer looks at sign conflict or overlap."""
        self._reports.leave(page)

    def stop(self) -> None:
        """Give up what is being made."""
        self._maps.stop()
        self._reports.stop()
