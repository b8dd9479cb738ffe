"""A browser's comparison of methods: the job that measures it and the table so far."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from studio.compare.comparison import Table, compare, methods_named
from studio.compare.scale_search import Budget, plan_budget
from studio.compare.standings import MethodRow
from studio.errors import BadRecipe
from studio.measure.bench import known_digests
from studio.progress import Progress
from studio.recipe import Fitted, Recipe
from studio.session.context import Context
from studio.session.mix import Mix, mix_of_recipe


class Comparisons:
    """The part of a session that has to do with comparing methods.

    Attributes:
        table: the latest, of a running job or a finished one; None before the first.
        version: changes whenever the table does.
    """

    def __init__(self, context: Context, pinned: Callable[[], Mix]) -> None:
        self._context, self._pinned = context, pinned
        self.table: Table | None = None
        self.version = 0

    def budget(self, methods: Sequence[str], tune: bool) -> Budget:
        """What a comparison would spend on validation rows.

        Raises:
            StudioError: no method is named, or there are no rows to tune on.
        """
        return plan_budget(self._context.bench, methods_named(methods), tune)

    def passes(self, methods: Sequence[str], tune: bool) -> float:
        """Rows that a comparison runs through models, at most.

        Raises:
            StudioError: as ``budget``.
        """
        bench, budget = self._context.bench, self.budget(methods, tune)
        scored = sum(len(bench.tasks[name].rows("held_out")) for name in bench.scored())
        return budget.methods * scored * (2 if budget.candidates > 1 else 1) + budget.evaluations

    def start(self, methods: Sequence[str], tune: bool) -> None:
        """Compare methods on all tasks of the zoo, as a job; rows appear as they finish.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: no method is named, nothing can be scored, a task was certified as
                removed, or a job is running.
        """
        context, names = self._context, methods_named(methods)
        context.admission.refuse(tuple(task.name for task in context.zoo.tasks))
        context.bench.refuse_unscored()
        self.budget(names, tune)

        own = self._own()

        def work(progress: Progress) -> tuple[str, str]:
            clock = time.monotonic()
            for self.table in compare(context.own_bench(), names, progress, tune, own=own):
                rows = self.table.rows[-1:]
                landed = self._land(rows, None if _tunes(rows, tune) else clock)
                clock = clock if _tunes(rows, tune) else landed
                self.version += 1
            if self.table and self.table.proposal:
                self._land([self.table.proposal.row])
            return f"Compared {count} on held-out rows.", ""

        count = "1 method" if len(names) == 1 else f"{len(names)} methods"
        takes = context.pace.takes("scores", self.passes(methods, tune))
        context.jobs.start(f"Compare {count}", work, takes)

    def _land(self, rows: Sequence[MethodRow], since: float | None = None) -> float:
        """Put rows into the table of everything tried.

        Args:
            rows: of the table; own mixes stand there anyway.
            since: when their measurement began; None if they have landed before.

        Returns:
            The time.
        """
        now = time.monotonic()
        scored = self._context.bench.scored()
        for row in rows:
            if row.held_out and not row.own:
                took = None if since is None else now - since
                recipe, outcome = self.recipe_of(row), row.held_out.only(scored)
                self._context.land(recipe, row.title, outcome, took)
        return now

    def _own(self) -> dict[str, Recipe]:
        """The mix that is worked on and, if it is another one, the pinned one."""
        zoo, mix, pinned = self._context.zoo, self._context.current(), self._pinned()
        mixes = {"your mix": mix.recipe(zoo), "the pinned mix": pinned.recipe(zoo)}
        found = {name: recipe for name, recipe in mixes.items() if recipe.tasks}
        if len({recipe.digest for recipe in found.values()}) < len(found):
            del found["the pinned mix"]
        return found

    def to_mixer(self, name: object) -> None:
        """Show a row's recipe in the mixer; undo brings the mix before it back.

        Raises:
            BadRecipe: there is no such row.
        """
        rows = self.table.standings if self.table else ()
        chosen = [each.row for each in rows if each.row.name == name]
        if not chosen:
            raise BadRecipe("The page asked for a row that is not there; reload the page.")
        self._context.show(mix_of_recipe(self.recipe_of(chosen[0]), self._context.start))

    def recipe_of(self, row: MethodRow) -> Recipe:
        """A row's recipe; that of the proposal records that its method was chosen by rows."""
        proposal = self.table.proposal if self.table else None
        if proposal is None or proposal.worse_than_not_merging or proposal.row.name != row.name:
            return row.recipe
        digests = known_digests(self._context.bench.deltas, row.recipe.names)
        by_rows = Fitted("a proposal", digests, options=("method",))
        return replace(row.recipe, fitted=by_rows.after(row.recipe))


def _tunes(rows: Sequence[MethodRow], tune: bool) -> bool:
    """Whether a method's default row came behind the search for its scale, whose time it is not."""
    return tune and any(not (row.own or row.tuned or row.refusal) for row in rows)
