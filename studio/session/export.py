"""A browser's exports: what one would take, and the jobs that write or measure it."""

from pathlib import Path

from studio.disk.folders import free_space, needed_space, refuse_existing
from studio.evidence.logged_export import Account, export_merge
from studio.export.adapter import refuse_no_factors
from studio.export.classifier import is_own_classifier
from studio.export.folder import CARD, Written
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.export.rounding import measure_rounding
from studio.export.served import adapter_type
from studio.merge import Merge
from studio.progress import Progress, part
from studio.session.context import Context
from studio.session.export_plan import ExportCost, as_command, as_python

EXPORTS = ("Export to", "Adapter to")
"""How the names of its jobs begin."""


class Exports:
    """The part of a session that writes the mix it shows into a folder.

    Args:
        context: of the session.

    Attributes:
        downloads: what this browser may take away.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.downloads = context.downloads

    def own_classifiers(self) -> list[str]:
        """Tasks for which a complete classifier folder can be written."""
        bench = self._context.bench
        return [name for name, task in bench.tasks.items() if is_own_classifier(bench.base, task)]

    def only_adapters(self) -> bool:
        """Whether every task is a LoRA, so that a merge may be one, too."""
        return all(each.kind == "LoRA" for each in self._context.bench.deltas.checkpoints)

    def start_adapter(self, folder: str, rank: int | None = None, each_task: bool = False) -> None:
        """Export the shown recipe as one LoRA adapter, as a job.

        Args:
            folder: a new one.
            rank: of the adapter; None for all factors.
            each_task: whether every task's own adapter is written beside it.

        Raises:
            StudioError: as ``start_export``, or the merge is no product of factors.
        """
        target, context, merge = self._new_target(folder), self._context, self._merge()
        refuse_no_factors(merge, rank)

        def work(progress: Progress) -> tuple[str, str, str]:
            plan = ExportPlan(target, adapter=True, rank=rank, each_task=each_task)
            made = export_merge(merge, plan, context.bench, None, self._account(), progress)
            context.downloads.offer(target)
            words = f"Wrote {target} as one adapter, {made.words}."
            return _said(words, made), str(target), " ".join(made.warnings)

        context.jobs.start(f"{EXPORTS[1]} {target.name}", work, context.pace.written("adapter"))

    def start_export(self, folder: str, classifiers: bool = False) -> None:
        """Export the shown recipe to a new folder, as a job.

        Raises:
            StudioError: the folder is outside the roots or exists, or a job is running.
        """
        target, context = self._new_target(folder), self._context
        recipe, worker = context.recipe(), context.worker

        def work(progress: Progress) -> tuple[str, str, str]:
            report = part(progress, 0.0, 0.3)
            scores = worker.scores(recipe, lambda share: report(share, "scoring held-out rows"))
            bench, plan = worker.bench, ExportPlan(target, classifiers=classifiers)
            report = part(progress, 0.3, 1.0)
            made = export_merge(bench.merge(recipe), plan, bench, scores, self._account(), report)
            context.downloads.offer(target)
            words = f"Wrote {target}: {made.words}. Weights root {made.root[:16]}…"
            return _said(words, made), str(target), " ".join(made.warnings)

        context.jobs.start(f"{EXPORTS[0]} {target.name}", work, context.pace.written("export"))

    def start_rounding(self) -> None:
        """Measure what an export in the chosen dtype would lose, as a job.

        Raises:
            StudioError: a job is running.
        """
        merge = self._merge()

        def work(progress: Progress) -> tuple[str, str]:
            return f"{measure_rounding(merge, progress).words}.", ""

        self._context.jobs.start("Rounding", work, self._context.pace.written("rounding"))

    def forecast(self, plan: ExportPlan) -> ExportCost:
        """What an export would take.

        Raises:
            StudioError: the folder is outside the roots or exists, or the merge is no adapter.
        """
        target, merge = self._new_target(str(plan.folder)), self._merge()
        tasks = list(self._context.bench.tasks.values())
        if plan.adapter:
            size = adapter_type(plan.each_task)(merge, rank=plan.rank).size
        else:
            size = MergedModel(merge, tasks, classifiers=plan.classifiers).size
        return ExportCost(size, needed_space(size), free_space(target))

    def plan_texts(self, plan: ExportPlan) -> tuple[str, str]:
        """The shown merge and its export as a command, and as Python."""
        recipe = self._context.recipe()
        return as_command(recipe, self._context.engine.path, plan), as_python(recipe, plan)

    def free_export_name(self, ending: str = "") -> str:
        """A folder name for an export that does not exist yet."""
        words = f"{self._context.zoo.name} {ending}".lower().strip()
        stem = "".join(c if c.isalnum() else "-" for c in words).strip("-")
        numbers = range(1, 10_000)
        names = (Path("exports") / f"{stem}-{number}" for number in numbers)
        return str(next(name for name in names if not name.exists()))

    def _merge(self) -> Merge:
        return self._context.bench.merge(self._context.recipe())

    def _account(self) -> Account:
        engine = self._context.engine
        return Account(engine.ledger, self._context.admission.allowed, engine.key)

    def _new_target(self, folder: str) -> Path:
        target = self._context.engine.inside(folder)
        refuse_existing(target)
        self._context.admission.refuse(self._context.recipe().names)
        return target


def _said(words: str, made: Written) -> str:
    """What an export did; what is to be known of its checkpoints stands in its card."""
    checked = (f"Checked: {each}." for each in made.checked)
    count = len(made.notes)
    notes = [f"{count} note{'s' * (count > 1)} on it: {CARD} in the folder."] if count else []
    serving = [made.serving] if made.serving else []
    return " ".join([words, *checked, *notes, *serving])
