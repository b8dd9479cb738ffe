"""A browser's measurement of who disturbs whom: the job, and what it found of which mix."""

from collections import OrderedDict
from itertools import combinations

from studio.errors import StudioError
from studio.measure.interference import Interference, interference
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.context import Context

_KEPT = 8  # mixes whose pairs are remembered here; scores are kept on disk


class Disturbances:
    """The part of a session that measures what tasks do to one another.

    Attributes:
        version: changes whenever something was found.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: OrderedDict[str, Interference] = OrderedDict()
        self.version = 0

    def of(self, recipe: Recipe) -> Interference | None:
        """What is known of a mix's pairs."""
        return self._found.get(recipe.digest)

    def seconds(self, recipe: Recipe) -> float | None:
        """About how long it takes, by the pace of the scores seen; None until there are any."""
        bench, known = self._context.bench, self._context.worker.results.evaluation(recipe)
        if known is None or not known.done or not known.seconds:
            return None
        rows = {name: len(bench.tasks[name].rows("held_out")) for name in bench.scored()}
        asked = sum(rows.get(name, 0) for name in recipe.names) * len(recipe.names)
        return known.seconds * asked / max(sum(rows.values()), 1)

    def start(self) -> None:
        """Measure the pairs of the mix that is worked on, as a job, on a model of its own.

        Raises:
            StudioError: there are no two tasks, nothing can be scored, or a job is running.
        """
        context = self._context
        recipe = context.current().recipe(context.zoo)
        if len(recipe.names) < 2:
            raise StudioError("One task alone has nobody to disturb it; tick a second one.")
        context.bench.refuse_unscored()
        context.admission.refuse(recipe.names)

        def work(progress: Progress) -> tuple[str, str]:
            found = interference(context.own_bench(), recipe, progress)
            self._found[recipe.digest] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
            self.version += 1
            return f"Measured {sum(1 for _ in combinations(recipe.names, 2))} pairs.", ""

        pairs = sum(1 for _ in combinations(recipe.names, 2))
        takes = context.pace.scored("interference", pairs)
        context.jobs.start("Measure who disturbs whom", work, takes)
