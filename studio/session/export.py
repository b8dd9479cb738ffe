"""A browser's exports: what one would take, the jobs that write or measure it, and the zip."""

from pathlib import Path
from typing import TYPE_CHECKING

from studio.disk.folders import free_space, needed_space, refuse_existing
from studio.evidence.logged_export import logged_export, write_adapter
from studio.export.adapter import adapter_size, refuse_no_factors
from studio.export.classifier import is_own_classifier
from studio.export.model import export, export_size, exported_rounding
from studio.export.rounding import measure_rounding
from studio.progress import Progress, part
from studio.recipe import Recipe
from studio.session.admission import Admission
from studio.session.export_plan import ExportCost, ExportPlan, as_command, as_python
from studio.session.packed import Packed
from studio.session.worker import Worker
from studio.zoo import Zoo

if TYPE_CHECKING:
    from studio.session.engine import Engine


class Exports:
    """The part of a session that has to do with exports of the recipe it shows."""

    engine: "Engine"
    zoo: Zoo
    worker: Worker
    browser: str
    admission: Admission
    _packed: Packed

    def _recipe(self) -> Recipe:
        raise NotImplementedError

    def own_classifiers(self) -> list[str]:
        """Tasks for which a complete classifier folder can be written."""
        bench = self.worker.bench
        return [name for name, task in bench.tasks.items() if is_own_classifier(bench.base, task)]

    def only_adapters(self) -> bool:
        """Whether every task is a LoRA, so that a merge may be one, too."""
        return all(each.kind == "LoRA" for each in self.worker.bench.deltas.checkpoints)

    def start_adapter(self, folder: str, rank: int | None = None) -> None:
        """Export the shown recipe as one LoRA adapter, as a job.

        Raises:
            StudioError: as ``start_export``, or the merge is no product of factors.
        """
        target, recipe, bench = self._new_target(folder), self._recipe(), self.worker.bench
        merge = bench.merge(recipe)
        refuse_no_factors(merge, rank)

        def work(progress: Progress) -> tuple[str, str]:
            made = write_adapter(
                merge, target, bench, progress, rank=rank, ledger=self.engine.ledger,
                allowed=self.admission.allowed, key=self.engine.key,
            )  # fmt: skip
            return f"Wrote {target} as one adapter, {made.words}.", str(target)

        self.engine.jobs.start(f"Adapter to {target.name}", work, self.browser)

    def start_export(self, folder: str, classifiers: bool = False) -> None:
        """Export the shown recipe to a new folder, as a job.

        Raises:
            StudioError: the folder is outside the roots or exists, or a job is running.
        """
        target, recipe, worker = self._new_target(folder), self._recipe(), self.worker

        def work(progress: Progress) -> tuple[str, str]:
            report = part(progress, 0.0, 0.3)
            scores = worker.scores(recipe, lambda share: report(share, "scoring held-out rows"))
            bench = worker.bench
            tasks = list(bench.tasks.values())
            report = part(progress, 0.3, 1.0)
            merge = bench.merge(recipe)

            def write() -> str:
                return export(merge, target, tasks, scores, report, classifiers=classifiers)

            root = logged_export(
                self.engine.ledger, merge, target, write, self.admission.allowed, self.engine.key
            )
            lost = exported_rounding(target).words
            return f"Wrote {target}: {lost}. Weights root {root[:16]}…", str(target)

        self.engine.jobs.start(f"Export to {target.name}", work, self.browser)

    def start_rounding(self) -> None:
        """Measure what an export in the chosen dtype would lose, as a job.

        Raises:
            StudioError: a job is running.
        """
        merge = self.worker.bench.merge(self._recipe())

        def work(progress: Progress) -> tuple[str, str]:
            return f"{measure_rounding(merge, progress).words}.", ""

        self.engine.jobs.start("Rounding", work, self.browser)

    def forecast(self, plan: ExportPlan) -> ExportCost:
        """What an export would take.

        Raises:
            StudioError: the folder is outside the roots or exists, or the merge is no adapter.
        """
        target, merge = self._new_target(plan.folder), self.worker.bench.merge(self._recipe())
        if plan.adapter:
            size = adapter_size(merge, plan.rank)
        else:
            size = export_size(merge, len(self.own_classifiers()) if plan.classifiers else 0)
        return ExportCost(size, needed_space(size), free_space(target))

    def plan_texts(self, plan: ExportPlan) -> tuple[str, str]:
        """The shown merge and its export as a command, and as Python."""
        recipe = self._recipe()
        return as_command(recipe, self.engine.path, plan), as_python(recipe, plan)

    def zip_export(self, folder: str) -> Path | None:
        """An export as one zip file in a temporary folder; None if it is too large for that."""
        return self._packed.zip(folder)

    def free_export_name(self, ending: str = "") -> str:
        """A folder name for an export that does not exist yet."""
        words = f"{self.zoo.name} {ending}".lower().strip()
        stem = "".join(c if c.isalnum() else "-" for c in words).strip("-")
        numbers = range(1, 10_000)
        names = (Path("exports") / f"{stem}-{number}" for number in numbers)
        return str(next(name for name in names if not name.exists()))

    def _new_target(self, folder: str) -> Path:
        target = self.engine.inside(folder)
        refuse_existing(target)
        self.admission.refuse(self._recipe().names)
        return target
