"""A browser's plane through the base and two experts: the job, and what is drawn upon it."""

from collections.abc import Callable
from dataclasses import dataclass

from studio.compare.scale_search import ROWS
from studio.errors import StudioError
from studio.geometry.plane import Plane, Spot, Two
from studio.progress import Progress, silent
from studio.recipe import DEFAULT_METHOD, Recipe
from studio.search.run import Run
from studio.session.background import Answer
from studio.session.context import Context
from studio.session.jobs import keeping
from studio.sweep.plane_map import LEVELS, PlaneCost, PlaneMap, plane_cost, plane_map
from studio.sweep.plane_paths import (
    by_algebra,
    meeting,
    orthogonal_path,
    search_path,
    sum_path,
)

Path = tuple[Spot, ...]
_KIND = "plane"  # of the job, as its pace is known


@dataclass(frozen=True)
class PlaneWish:
    """What the page asks for.

    Attributes:
        tasks: the two; empty names for the two that are most alike.
        levels: one of ``LEVELS``.
        rows: validation rows per task.
    """

    tasks: Two = ("", "")
    levels: int = LEVELS[1]
    rows: int = ROWS


@dataclass(frozen=True)
class Drawn:
    """What is drawn upon a map.

    Attributes:
        sum: task arithmetic's path, from the base to the whole of both.
        orthogonal: base, first component, both; empty if the two cannot be merged so.
        refusal: why not.
        mix: where the shown mix stands; None while that is being computed, or if it stands nowhere.
        lacks: why it stands nowhere; or empty.
        search: the last search's path; empty without one.
        pending: whether more is coming.
    """

    sum: tuple[Spot, ...]
    orthogonal: tuple[Spot, ...] = ()
    refusal: str = ""
    mix: Spot | None = None
    lacks: str = ""
    search: tuple[Spot, ...] = ()
    pending: bool = False


class Planes:
    """The part of a session that measures the plane of two experts.

    Args:
        context: of the session.

    Attributes:
        wish: what the page's boxes hold.
        found: the last map, or the one that grows; None before the first.
        version: changes whenever the map does.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.wish = PlaneWish()
        self.found: PlaneMap | None = None
        self.version = 0
        self._drawn: tuple[object, Drawn] | None = None

    def pair(self) -> Two:
        """The two tasks that are wished for.

        Raises:
            StudioError: the zoo has fewer than two.
        """
        bench, start = self._context.bench, self._context.start
        if all(self.wish.tasks):
            return self.wish.tasks
        tasks = [name for name in bench.gram.tasks if name in start.ticked]
        if len(tasks) < 2:
            raise StudioError("This zoo merges one task only; it takes two to span a plane.")
        scored = [name for name in tasks if name in bench.scored()]
        chosen = scored if len(scored) > 1 else tasks
        cosines, place = bench.gram.cosine(), bench.gram.tasks.index
        pairs = ((one, other) for i, one in enumerate(chosen) for other in chosen[i + 1 :])
        return max(pairs, key=lambda pair: float(cosines[place(pair[0]), place(pair[1])]))

    def plan(self) -> tuple[Two, PlaneCost, float | None]:
        """What a map of the wish would take: tasks, models and rows, and seconds if known.

        Raises:
            StudioError: it cannot be made, in words.
        """
        tasks, wish, context = self.pair(), self.wish, self._context
        cost = plane_cost(context.bench, tasks, wish.levels, wish.rows)
        return tasks, cost, context.pace.seconds(_KIND, cost.points * cost.rows)

    def start(self) -> None:
        """Measure the map as a job; it grows with every point.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: see ``plan``; a task was certified as removed, or a job is running.
        """
        context, wish = self._context, self.wish
        tasks, cost, _ = self.plan()
        context.admission.refuse(tasks)

        def work(progress: Progress) -> tuple[str, str]:
            before = self.found

            def kept() -> str:
                found = self.found
                if found is None or found is before:
                    return "No model was measured yet."
                some = f"{len(found.known)} of {found.total} models were measured and stay on the "
                return f"{some}map; a new start recalls them."

            with keeping(kept):
                for found in plane_map(
                    context.own_bench(), tasks, wish.levels, wish.rows, progress
                ):
                    self.found = found
                    self.version += 1
            return f"Measured {cost.points} models on the plane of {' and '.join(tasks)}.", ""

        takes = context.pace.takes(_KIND, cost.points * cost.rows)
        context.jobs.start(f"Plane of {' and '.join(tasks)}", work, takes)

    def drawn(self, page: object, run: Run | None) -> Drawn | None:
        """What is drawn upon the map; None without one.

        Args:
            page: who looks.
            run: the last search, if there was one.
        """
        if self.found is None:
            return None
        plane, recipe = self.found.plane, self._context.recipe()
        key = plane, recipe.digest, run and (run.before.digest, run.plan, len(run.steps))
        if self._drawn is None or self._drawn[0] != key or self._drawn[1].pending:
            self._drawn = key, self._draw(page, plane, recipe, run)
        return self._drawn[1]

    def _draw(self, page: object, plane: Plane, recipe: Recipe, run: Run | None) -> Drawn:
        bench = self._context.bench
        options = dict(recipe.options) if recipe.method == DEFAULT_METHOD else None
        orthogonal: tuple[Spot, ...] = ()
        refusal = ""
        try:
            orthogonal = orthogonal_path(bench, plane, options)
        except StudioError as refused:
            refusal = str(refused)
        mix = self._mix(page, plane, recipe)
        search = self._search(page, plane, run)
        pending = mix.pending or search.pending
        stands = mix.made[0] if mix.made else None
        found = search.made or ()
        return Drawn(sum_path(plane), orthogonal, refusal, stands, mix.refusal, found, pending)

    def _mix(self, page: object, plane: Plane, recipe: Recipe) -> Answer[Path]:
        bench = self._context.bench

        def make(progress: Progress) -> Path:
            if not recipe.tasks:
                return (Spot(0.0, 0.0),)
            merge = bench.merge(recipe)
            return (meeting(bench, plane, merge, progress).spot(plane, merge),)

        return self._made(("mix", page), (plane, recipe.digest), recipe, make)

    def _search(self, page: object, plane: Plane, run: Run | None) -> Answer[Path]:
        if run is None or not run.steps:
            return Answer(())
        bench, key = self._context.bench, (plane, run.before.digest, run.plan, len(run.steps))
        return self._made(
            ("search", page), key, run.before, lambda told: search_path(bench, plane, run, told)
        )

    def _made(
        self, page: object, key: object, recipe: Recipe, make: Callable[[Progress], Path]
    ) -> Answer[Path]:
        """At once where the zoo's inner products say it; else by a thread beside the page."""
        if self._context.bench.unmeasured(recipe):  # the mix's own scores have it measured
            return Answer()
        if not by_algebra(self._context.bench, recipe):
            return self._context.worker.studies.spots(page, key, make)
        try:
            return Answer(make(silent))
        except StudioError as refused:
            return Answer(refusal=str(refused))
