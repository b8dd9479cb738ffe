"""A browser's AdapterFusion: the job that trains it, and what it came to."""

from studio.compare.comparison import compare
from studio.compare.fusion_row import FusionRow, fusion_cost, fusion_row
from studio.fusion.training import FusionPlan
from studio.methods import SUM
from studio.progress import Progress, part
from studio.session.context import Context

_TABLE = 0.2  # share of the progress that the references take


class Fusions:
    """The part of a session that trains AdapterFusion on the adapters of all tasks.

    Attributes:
        row: the latest; None before the first.
        version: changes whenever the row does.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.row: FusionRow | None = None
        self.version = 0

    def cost(self) -> str:
        """What a training takes at most, in words; loads no model.

        Raises:
            StudioError: the zoo has no adapters, or too few rows.
        """
        return fusion_cost(self._context.bench, FusionPlan())

    def start(self) -> None:
        """Train and score it as a job, on a model of the job's own; the page goes on.

        Raises:
            StudioError: as ``cost``; or a task was certified as removed, or a job is running.
        """
        context = self._context
        context.admission.refuse(tuple(task.name for task in context.zoo.tasks))
        self.cost()

        def work(progress: Progress) -> tuple[str, str]:
            bench = context.own_bench()
            *_, table = compare(bench, (SUM,), part(progress, 0.0, _TABLE))
            self.row, _ = fusion_row(bench, table, FusionPlan(), part(progress, _TABLE, 1.0))
            self.version += 1
            return "Trained AdapterFusion and scored it on held-out rows.", ""

        context.jobs.start("Train AdapterFusion", work)
