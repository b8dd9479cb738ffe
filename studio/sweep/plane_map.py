"""Scores on the plane through the base and two experts, coarse to fine, on validation rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from statistics import NormalDist

from studio.compare.scale_search import ROWS
from studio.errors import BadData, BadRecipe, Cancelled, StudioError
from studio.geometry.plane import Plane, Spot, Two, plane_of
from studio.measure.bench import Bench
from studio.measure.change import Change, mean_change
from studio.measure.intervals import NORMAL
from studio.measure.outcomes import Measuring, paired
from studio.methods import SUM
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.sweep.landscape import SweepPoint
from studio.tasks.row_parts import VALIDATION

LEVELS = (2, 3, 4)
"""5, 9 or 17 points a side."""
_MARGIN = 0.25  # of the longer side, around what stands on the plane
_DIGITS = 4  # of an amount, so that the same plane asks for the same models again
_WHOLE = (1.0, 1.0)
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), _WHOLE)
Amounts = tuple[float, float]


@dataclass(frozen=True)
class PlaneMap:
    """A plane as far as it was measured.

    Attributes:
        plane: of two tasks.
        levels: of the finest grid that will be measured; level k has ``2**k + 1`` points a side.
        corners: base, both experts and their whole sum, measured as they are.
        points: the grid's, coarse to fine; ``place`` is (x, y) on the plane.
    """

    plane: Plane
    levels: int
    corners: tuple[SweepPoint, ...] = ()
    points: tuple[SweepPoint, ...] = ()

    @cached_property
    def known(self) -> tuple[SweepPoint, ...]:
        """Points that could be merged and were measured, the corners first."""
        return tuple(point for point in (*self.corners, *self.points) if point.outcome)

    @cached_property
    def level(self) -> int:
        """The finest level of which every point was measured; 0 for none."""
        count = len(self.points)
        return max((k for k in range(1, self.levels + 1) if count >= (2**k + 1) ** 2), default=0)

    @property
    def done(self) -> bool:
        """Whether every point was measured."""
        return self.level == self.levels

    @property
    def total(self) -> int:
        """Points that there will be."""
        return len(_CORNERS) + (2**self.levels + 1) ** 2

    def sides(self, level: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Values of x and of y at a level."""
        (left, right), (low, high) = frame(self.plane)
        return _values(left, right, level), _values(low, high, level)

    def grid(self) -> list[list[SweepPoint | None]]:
        """The points of the finest whole level by y and x; before the first, that one with gaps."""
        across, up = self.sides(max(self.level, 1))
        at = {point.place: point for point in self.points}
        return [[at.get((x, y)) for x in across] for y in up]

    @cached_property
    def best(self) -> SweepPoint | None:
        """The best mean of both tasks; of equal ones the nearest to the whole sum."""
        whole = self.plane.at(*_WHOLE)
        return max(self.known, key=lambda p: (p.worth, -_squared(p, whole)), default=None)

    @property
    def gain(self) -> Change | None:
        """Paired change of the mean from the whole sum to the best point."""
        whole = self.corners[-1].outcome if len(self.corners) == len(_CORNERS) else None
        if self.best is None or self.best.outcome is None or whole is None:
            return None
        return mean_change(paired(self.best.outcome, whole))

    @property
    def widened(self) -> float:
        """Half of that change's interval, so wide that those of all points hold together."""
        assert self.gain is not None
        quantile = NormalDist().inv_cdf(1 - 0.025 / len(self.known))
        return self.gain.half * quantile / NORMAL


@dataclass(frozen=True)
class PlaneCost:
    """What a plane takes, at most.

    Attributes:
        points: models.
        rows: validation rows that each is run on.
    """

    points: int
    rows: int


def plane_map(
    bench: Bench, tasks: Two, levels: int, rows: int = ROWS, progress: Progress = silent
) -> Iterator[PlaneMap]:
    """Measure the plane: every point is the base plus so much of each of the two deltas.

    Each model is merged piece by piece into the live model, so that no delta must fit in memory.

    Args:
        bench: the zoo, opened; its live model is worn for what was not measured before.
        tasks: the two.
        levels: one of ``LEVELS``.
        rows: validation rows per task, at most: a fair sample that is always the same.
        progress: told how far it is; may raise to stop.

    Yields:
        The map after every point: its corners first, then the grid, coarse to fine.

    Raises:
        StudioError: the two span no plane, or cannot be scored on validation rows.
    """
    plane_cost(bench, tasks, levels, rows)
    found = PlaneMap(plane_in(bench, tasks), levels)
    wanted: list[tuple[tuple[float, float], Amounts, bool]] = []
    for amounts in _CORNERS:
        spot = found.plane.at(*amounts)
        wanted.append(((spot.x, spot.y), amounts, True))
    every = (place for k in range(1, levels + 1) for place in product(*found.sides(k)))
    wanted += [(place, found.plane.amounts(*place), False) for place in dict.fromkeys(every)]
    for count, (place, amounts, corner) in enumerate(wanted):
        ends = (count / len(wanted), (count + 1) / len(wanted))
        words = f"point {count + 1} of {len(wanted)}"
        point = _point(bench, place, sum_of(bench, tasks, amounts), rows, progress, ends, words)
        added = (*(found.corners if corner else found.points), point)
        found = replace(found, corners=added) if corner else replace(found, points=added)
        yield found


def plane_in(bench: Bench, tasks: Two) -> Plane:
    """The plane of two tasks of a zoo; see ``plane_of`` for what is refused."""
    known = bench.gram.tasks
    if len({*tasks}) < 2 or not {*tasks} <= {*known}:
        raise BadRecipe(f"A plane takes two tasks that differ, of {', '.join(known)}.")
    places = [known.index(name) for name in tasks]
    return plane_of(tasks, bench.gram.total()[places][:, places])


def plane_cost(bench: Bench, tasks: Two, levels: int, rows: int = ROWS) -> PlaneCost:
    """What a plane would take; see ``plane_map`` for what is refused."""
    plane_in(bench, tasks)
    if levels not in LEVELS:
        raise BadRecipe(f"{levels} levels were asked for; there are {', '.join(map(str, LEVELS))}.")
    if rows < 1:
        raise BadRecipe(f"{rows} rows per task were asked for; give at least 1.")
    able = bench.scored(VALIDATION)
    if bare := [
        name for name in tasks if name not in able or not bench.tasks[name].rows(VALIDATION)
    ]:
        raise BadData(
            f"The plane is measured on validation rows of both tasks, but {' and '.join(bare)} "
            "cannot be scored on any. Name such rows in zoo.yaml, or choose other tasks."
        )
    each = sum(min(rows, len(bench.tasks[name].rows(VALIDATION))) for name in tasks)
    return PlaneCost(len(_CORNERS) + (2**levels + 1) ** 2, each)


def sum_of(bench: Bench, tasks: Two, amounts: Amounts, method: str = SUM) -> Recipe:
    """The recipe of two tasks, the first one first, with so much of each."""
    whole = bench.zoo.recipe(method)
    entries = {entry.name: entry for entry in whole.tasks}
    given: Mapping[str, float] = {
        name: round(amount, _DIGITS) for name, amount in zip(tasks, amounts, strict=True)
    }
    return replace(whole, tasks=tuple(entries[name] for name in tasks)).with_coefficients(given)


def frame(plane: Plane) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of x and of y: around base, experts and their sum."""
    spots = [plane.at(*each) for each in _CORNERS]
    sides = [(min(side), max(side)) for side in zip(*((s.x, s.y) for s in spots), strict=True)]
    room = _MARGIN * max(high - low for low, high in sides)
    (left, right), (low, high) = sides
    return (left - room, right + room), (low - room, high + room)


def _values(low: float, high: float, level: int) -> tuple[float, ...]:
    count = 2**level
    return tuple(low + (high - low) * step / count for step in range(count + 1))


def _point(
    bench: Bench, place: tuple[float, float], recipe: Recipe, rows: int, progress: Progress,
    ends: Sequence[float], words: str,
) -> SweepPoint:  # fmt: skip
    inner = part(progress, ends[0], ends[1])
    measuring = Measuring(bench, lambda share, said: inner(share, f"{words}: {said}"))
    try:
        outcome = measuring.of(bench.merge(recipe), bench.heads(recipe.names), VALIDATION, rows)
        return SweepPoint(place, outcome)
    except Cancelled:
        raise
    except StudioError as refusal:
        return SweepPoint(place, None, str(refusal))


def _squared(point: SweepPoint, other: Spot) -> float:
    x, y = (value or 0.0 for value in point.place)
    return (x - other.x) ** 2 + (y - other.y) ** 2
