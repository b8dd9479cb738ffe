"""A browser's comparison of methods: the job that measures it and the table so far."""

from collections.abc import Sequence
from dataclasses import replace

from studio.compare.comparison import Table, compare, methods_named
from studio.compare.scale_search import Budget, plan_budget
from studio.errors import BadRecipe
from studio.measure.bench import known_digests
from studio.progress import Progress
from studio.recipe import Fitted
from studio.session.context import Context
from studio.session.mix import mix_of_recipe


class Comparisons:
    """The part of a session that has to do with comparing methods.

    Attributes:
        table: the latest, of a running job or a finished one; None before the first.
        version: changes whenever the table does.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.table: Table | None = None
        self.version = 0

    def budget(self, methods: Sequence[str], tune: bool) -> Budget:
        """What a comparison would spend on validation rows.

        Raises:
            StudioError: no method is named, or there are no rows to tune on.
        """
        return plan_budget(self._context.bench, len(methods_named(methods)), tune)

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

        def work(progress: Progress) -> tuple[str, str]:
            for self.table in compare(context.own_bench(), names, progress, tune):
                self.version += 1
            return f"Compared {len(names)} methods on held-out rows.", ""

        title = "1 method" if len(names) == 1 else f"{len(names)} methods"
        context.jobs.start(f"Compare {title}", work)

    def to_mixer(self, name: object) -> None:
        """Show a row's recipe in the mixer; undo brings the mix before it back.

        Raises:
            BadRecipe: there is no such row.
        """
        rows = self.table.standings if self.table else ()
        chosen = [each.row.recipe for each in rows if each.row.name == name]
        if self.table is None or not chosen:
            raise BadRecipe("The page asked for a row that is not there; reload the page.")
        recipe, proposal = chosen[0], self.table.proposal
        if proposal and proposal.row.name == name:  # the method itself was chosen by rows
            digests = known_digests(self._context.bench.deltas, recipe.names)
            by_rows = Fitted("a proposal", digests, options=("method",))
            recipe = replace(recipe, fitted=by_rows.after(recipe))
        self._context.show(mix_of_recipe(recipe, self._context.start))
