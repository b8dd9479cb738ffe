"""A browser's search for the best merge: the job, its trials so far, and one to the mixer."""

from studio.best.findings import Findings, Tried, verdict
from studio.best.run import (
    SECONDS,
    BestPlan,
    chosen,
    find_best,
    refuse_impossible,
    results_folder,
)
from studio.errors import BadRecipe, Cancelled
from studio.measure.outcomes import Outcome
from studio.progress import Progress
from studio.session.context import Context
from studio.session.mix import mix_of_recipe
from studio.session.pace import Takes

NAME = "Find the best"


class Bests:
    """The part of a session that finds the best merge of the open zoo.

    Its trials are kept on disk by zoo, so that a search that was cancelled, or whose studio was
    closed, goes on where it stopped.

    Attributes:
        seconds: the budget that the page's box holds.
        found: of the running search or the last one; None before the first.
        version: changes whenever the findings do.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.seconds = float(SECONDS)
        self.found: Findings | None = None
        self.version = 0

    def start(self, seconds: float) -> None:
        """Search as a job; its table grows by a row per trial.

        A live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: a task was certified as removed, a task has no rows to go by, the budget
                is no positive number, or a job is running.
        """
        context, self.seconds = self._context, seconds
        context.admission.refuse(tuple(task.name for task in context.zoo.tasks))
        plan = BestPlan(seconds)
        refuse_impossible(context.bench, plan)

        def work(progress: Progress) -> tuple[str, str]:
            bench = context.own_bench()
            try:
                for found in find_best(bench, plan, results_folder(bench), progress):
                    self.found = found
                    self.version += 1
            except Cancelled:
                raise Cancelled(_cancelled(self.found)) from None
            assert self.found is not None
            self._land(self.found)
            return verdict(self.found)[0], ""

        context.jobs.start(NAME, work, Takes(seconds, lambda taken: None))

    def use(self, key: object) -> None:
        """Show a trial's recipe in the mixer, in one step; undo brings the mix before it back.

        Raises:
            BadRecipe: there is no such trial, or sliders cannot show it.
            NotAllowed: a task of it was certified as removed.
        """
        tried = self.found.tried if self.found else ()
        recipes = [x.recipe for x in tried if x.trial.key == key and x.outcome and x.recipe]
        if not recipes or recipes[0] is None:
            raise BadRecipe("The page asked for a trial that is not there; reload the page.")
        made = chosen(self._context.bench, recipes[0])
        self._context.show(mix_of_recipe(made, self._context.start))

    def _land(self, found: Findings) -> None:
        """Put what was scored on held-out rows into the table of everything tried."""
        held = found.held_out
        if held is None:
            return
        pairs: list[tuple[Tried | None, Outcome | None]] = [
            (found.best, held.best), (found.rival, held.rival)
        ]  # fmt: skip
        for tried, outcome in pairs:
            if tried and outcome and tried.recipe:
                recipe = chosen(self._context.bench, tried.recipe)
                what = f"{NAME}: {tried.trial.what}"
                self._context.land(recipe, what, outcome, tried.seconds)


def _cancelled(found: Findings | None) -> str:
    count = len(found.tried) if found else 0
    trials = "1 trial is" if count == 1 else f"{count} trials are"
    return f"Cancelled: {trials} kept, and {NAME} goes on from there."
