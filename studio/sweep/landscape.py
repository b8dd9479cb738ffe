"""A landscape: validation scores over one or two numbers of a recipe, coarse to fine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from statistics import NormalDist

from studio.compare.scale_search import ROWS
from studio.errors import BadData, BadRecipe, Cancelled, StudioError
from studio.measure.bench import Bench, known_digests, refuse_other_models
from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import NORMAL
from studio.measure.metrics import Mean, means, means_words, worth
from studio.measure.outcomes import Measuring, Outcome, paired
from studio.progress import Progress, part, silent
from studio.recipe import Fitted, Recipe
from studio.search.rows import searched_split
from studio.sweep.axis import Axis, places, put

LEVELS = 3
_MOST_LEVELS = 6  # 65 values per axis


@dataclass(frozen=True)
class SweepPoint:
    """A recipe of the sweep.

    Attributes:
        place: its value on each axis; None where the present recipe has none.
        outcome: on validation rows of the merged tasks; None if it was refused.
        refusal: why it cannot be merged; empty if it can.
    """

    place: tuple[float | None, ...]
    outcome: Outcome | None
    refusal: str = ""

    @cached_property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        assert self.outcome is not None
        return means(self.outcome.scores)

    @property
    def words(self) -> str:
        """The means by name, for people."""
        assert self.outcome is not None
        return means_words(self.outcome.scores)

    @cached_property
    def worth(self) -> float:
        """What the best point has most of."""
        assert self.outcome is not None
        return worth(self.outcome.scores)

    @property
    def rows(self) -> int:
        """Validation rows of all tasks together."""
        assert self.outcome is not None
        return sum(score.n for score in self.outcome.scores.values())


@dataclass(frozen=True)
class Landscape:
    """A sweep as far as it has come.

    Attributes:
        recipe: the present one; what is not swept stays as it is there.
        axes: one or two.
        levels: that will be measured, see ``Axis.values``.
        here: the present recipe.
        points: measured so far, coarse to fine; holes among them.
        digests: (task, checkpoint digest) of all that take part.
    """

    recipe: Recipe
    axes: tuple[Axis, ...]
    levels: int
    here: SweepPoint
    points: tuple[SweepPoint, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()

    @cached_property
    def known(self) -> tuple[SweepPoint, ...]:
        """The points that could be merged."""
        return tuple(point for point in self.points if point.outcome)

    @property
    def done(self) -> bool:
        """Whether every point was measured."""
        return self.level == self.levels

    @cached_property
    def level(self) -> int:
        """The finest level of which every point was measured; 0 for none."""
        found = {point.place for point in self.points}
        full = [k for k in range(1, self.levels + 1) if found >= set(places(self.axes, k))]
        return max(full, default=0)

    def at(self, *place: float) -> SweepPoint | None:
        """The point with these values; None if it is not measured yet."""
        return self._by_place.get(place)

    @cached_property
    def _by_place(self) -> dict[tuple[float | None, ...], SweepPoint]:
        return {point.place: point for point in self.points}

    @cached_property
    def best(self) -> SweepPoint | None:
        """The best mean; of equal ones that nearest to the present recipe."""
        return max(self.known, key=lambda p: (p.worth, -self._away(p)), default=None)

    @cached_property
    def best_recipe(self) -> Recipe | None:
        """The recipe of the best point, which records what chose it; None without a point."""
        if self.best is None or self.best.place == self.here.place:
            return self.best and self.recipe
        made = put(self.recipe, self.axes, [x for x in self.best.place if x is not None])
        options = tuple(axis.name for axis in self.axes if axis.is_option)
        chosen = Fitted("a sweep", self.digests, options=options).after(self.recipe)
        return replace(made, fitted=chosen)

    @cached_property
    def gain(self) -> Change | None:
        """Paired change of the mean from the present recipe to the best point."""
        if self.best is None or self.best.outcome is None or self.here.outcome is None:
            return None
        return mean_change(paired(self.best.outcome, self.here.outcome))

    @property
    def beyond_noise(self) -> bool:
        """Whether the best point is better although it is the best of so many.

        The interval of its gain is widened so that those of all points hold together with 95 %.

        Source: Bonferroni; Miller 1981, Simultaneous Statistical Inference, chapter 1.
        """
        return self.gain is not None and self.gain.gain > self.widened

    @property
    def widened(self) -> float:
        """Half of that interval."""
        assert self.gain is not None
        quantile = NormalDist().inv_cdf(1 - 0.025 / len(self.known))
        return self.gain.half * quantile / NORMAL

    @property
    def words(self) -> str:
        """What was found, in one or two sentences."""
        if self.best is None:
            return "No point could be merged so far."
        said = (
            f"Best of {len(self.known)} points: {self.where}, {self.best.words} "
            f"(n={self.best.rows:,} validation rows)"
        )
        if self.gain is None:
            return f"{said}; the present recipe cannot be merged: {self.here.refusal}"
        said = f"{said}, {self._gained} against the present recipe, paired."
        if self.gain.gain <= 0:
            return f"{said} No point of the sweep is better than the present recipe."
        wide = self.gain.metric.amount(self.widened)
        wide = f"± {wide}, widened for the best of {len(self.known)}"
        if self.beyond_noise:
            verdict = f"That is beyond noise, even by {wide}"
        else:
            verdict = f"These rows cannot tell them apart ({wide})"
        return f"{said} {verdict}. It was chosen on these rows, so expect less of it on others."

    @property
    def where(self) -> str:
        """Where the best point lies, in words; empty without one."""
        place = self.best.place if self.best else ()
        both = zip(self.axes, place, strict=False)
        return ", ".join(f"{axis.words} {value:.4g}" for axis, value in both)

    @property
    def _gained(self) -> str:
        """The change of every metric's mean, from the present recipe to the best point."""
        assert self.best is not None
        assert self.best.outcome is not None
        assert self.here.outcome is not None
        return change_words(paired(self.best.outcome, self.here.outcome))

    def _away(self, point: SweepPoint) -> float:
        """Squared distance from the present recipe, in ranges of the axes."""
        pairs = zip(self.axes, point.place, self.here.place, strict=True)
        return sum(
            ((a - b) / (axis.high - axis.low)) ** 2
            for axis, a, b in pairs
            if a is not None and b is not None
        )


def landscape(
    bench: Bench, recipe: Recipe, axes: Sequence[Axis], levels: int = LEVELS, rows: int = ROWS,
    progress: Progress = silent,
) -> Iterator[Landscape]:  # fmt: skip
    """Measure a recipe over one or two of its numbers.

    Args:
        bench: the zoo, opened; its live model is worn for what was not measured before.
        recipe: of the zoo's tasks.
        axes: one or two, see ``make_axis``.
        levels: see ``Axis.values``.
        rows: validation rows per task, at most: a fair sample that is always the same.
        progress: told how far it is; may raise to stop.

    Yields:
        The landscape with the present recipe alone, and after every point.

    Raises:
        BadRecipe: not one or two axes, the same twice, or too many levels.
        BadData: nothing merged can be scored on validation rows.
    """
    sweep_cost(bench, recipe, axes, levels, rows)
    wanted, split = order(axes, levels), searched_split(recipe)
    present = tuple(axis.of(recipe) for axis in axes)

    def tried(
        made: Callable[[], Recipe], place: tuple[float | None, ...], count: int
    ) -> SweepPoint:
        words = f"point {count} of {len(wanted)}" if count else "the present recipe"
        whole = len(wanted) + 1
        report = partial(_report, part(progress, count / whole, (count + 1) / whole), words)
        return _point(Measuring(bench, report), made, place, (split, rows))

    found = Landscape(recipe, tuple(axes), levels, tried(lambda: recipe, present, 0))
    found = replace(found, digests=known_digests(bench.deltas, recipe.names))
    yield found
    for count, place in enumerate(wanted, 1):
        point = tried(partial(put, recipe, axes, place), place, count)
        found = replace(found, points=(*found.points, point))
        yield found


def order(axes: Sequence[Axis], levels: int) -> list[tuple[float, ...]]:
    """Every point once, coarse to fine."""
    return list(dict.fromkeys(p for level in range(1, levels + 1) for p in places(axes, level)))


@dataclass(frozen=True)
class SweepCost:
    """What a sweep takes, at most.

    Attributes:
        points: models, without the present one.
        rows: validation rows that each is run on.
    """

    points: int
    rows: int

    @property
    def words(self) -> str:
        """As a product, for people."""
        return (
            f"{self.points} points x {self.rows:,} validation rows = "
            f"{self.points * self.rows:,} row evaluations"
        )


def sweep_cost(
    bench: Bench, recipe: Recipe, axes: Sequence[Axis], levels: int = LEVELS, rows: int = ROWS
) -> SweepCost:
    """What a sweep would take; see ``landscape`` for what is refused."""
    if not 1 <= len(axes) <= 2 or len({axis.name for axis in axes}) < len(axes):
        names = ", ".join(axis.name for axis in axes) or "none"
        raise BadRecipe(f"A sweep has one axis or two that differ; these are {names}.")
    for what, value, most in (("levels", levels, _MOST_LEVELS), ("rows per task", rows, None)):
        if value < 1 or (most and value > most):
            limits = f"1 to {most}" if most else "at least 1"
            raise BadRecipe(f"{value} {what} were asked for; give {limits}.")
    if not recipe.tasks:
        raise BadRecipe("Nothing is merged, so there is nothing to sweep; tick a task first.")
    refuse_other_models(bench, recipe)
    names, split = bench.scored(), searched_split(recipe)
    bare = [name for name in names if not bench.tasks[name].labelled(split)]
    if bare or not set(names) & set(recipe.names):
        lacking = f"these have none: {', '.join(bare)}" if bare else "no merged task has any"
        raise BadData(
            f"A sweep is measured on labelled validation rows of tasks that have held-out rows, "
            f"too, but {lacking}. Name them in zoo.yaml."
        )
    each = sum(min(rows, len(bench.tasks[name].rows(split))) for name in names)
    return SweepCost(len(order(axes, levels)), each)


def _point(
    measuring: Measuring,
    make: Callable[[], Recipe],
    place: tuple[float | None, ...],
    rows: tuple[str, int],
) -> SweepPoint:
    try:
        made = make()
        return SweepPoint(place, measuring.merged(made, *rows).only(made.names))
    except Cancelled:
        raise
    except StudioError as refusal:
        return SweepPoint(place, None, str(refusal))


def _report(progress: Progress, about: str, share: float, words: str) -> None:
    progress(share, f"{about}: {words}")
