"""The studio in a few calls: what ``import studio`` offers.

A zoo is opened once; recipes are values, so what is asked with one can be asked again. Nothing is
measured on rows that a choice was made on: coefficients are searched on validation rows, and
``evaluate`` and ``compare`` read held-out ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.compare.comparison import Table, compare, methods_named
from studio.device import resolve_device
from studio.disk.folders import data_folder
from studio.errors import BadRecipe, StudioError
from studio.evidence.bundle import Certified, Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.judgment import Judgment, judge_both
from studio.evidence.ledger.keys import SigningKey, demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.scoring import Scoring, bench_scoring
from studio.evidence.unmerge import unmerge, unmerging
from studio.evidence.verify import verify
from studio.export.folder import Written
from studio.export.plan import ExportPlan
from studio.inspection import inspect
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring
from studio.methods import METHODS
from studio.preflight import preflight
from studio.progress import Progress, silent
from studio.recipe import DEFAULT_METHOD, Recipe, load_recipe, save_recipe
from studio.search.plan import SearchPlan
from studio.search.run import Run, optimize
from studio.zoo import Zoo, load_zoo

__all__ = [
    "METHODS", "OpenZoo", "Recipe", "Score", "SearchPlan", "StudioError", "load_recipe",
    "open_zoo", "save_recipe", "unmerge", "verify",
]  # fmt: skip


@dataclass(frozen=True)
class OpenZoo:
    """A base with its tasks, ready to be merged and scored.

    Attributes:
        bench: deltas, heads, rows and the live model; what the rest of the studio works with.
    """

    bench: Bench

    @property
    def zoo(self) -> Zoo:
        """As its file says."""
        return self.bench.zoo

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the zoo."""
        return tuple(task.name for task in self.zoo.tasks)

    def recipe(
        self, method: str = DEFAULT_METHOD, coefficient: float | Mapping[str, float] | None = None
    ) -> Recipe:
        """A recipe of all tasks.

        Args:
            method: name of a merge method, of ``METHODS``.
            coefficient: of every task, or by task; None for the method's default.

        Raises:
            BadRecipe: there is no such method or task.
        """
        (name,) = methods_named([method])
        if not isinstance(coefficient, Mapping):
            return self.zoo.recipe(name, coefficient)
        unknown = [task for task in coefficient if task not in self.tasks]
        if unknown:
            raise BadRecipe(f"There is no task '{unknown[0]}'; there are {', '.join(self.tasks)}.")
        return self.zoo.recipe(name).with_coefficients(dict(coefficient))

    def geometry(self, recipe: Recipe, progress: Progress = silent) -> dict:
        """Cosines before and after, order, warnings: as ``python -m studio inspect`` writes them.

        Raises:
            StudioError: the recipe cannot be merged.
        """
        return inspect(self.bench.merge(recipe), progress)

    def evaluate(
        self, recipe: Recipe, split: str = "held_out", progress: Progress = silent
    ) -> dict[str, Score]:
        """Scores by task, each with its interval and number of rows.

        Args:
            recipe: of this zoo's tasks.
            split: 'held_out' or 'validation'.
            progress: told the share done; may raise to stop.

        Raises:
            StudioError: the recipe cannot be merged, or nothing can be scored.
        """
        return dict(Measuring(self.bench, progress).scores(self.bench.merge(recipe), split))

    def compare(
        self, methods: Sequence[str], tune: bool = False, progress: Progress = silent
    ) -> Iterator[Table]:
        """Methods side by side on held-out rows: the table, after each method that is done.

        Args:
            methods: their names.
            tune: also show each with the one scale that is best on validation rows.
            progress: told the share done; may raise to stop.

        Raises:
            StudioError: a method is unknown, or nothing can be scored.
        """
        return compare(self.bench, methods_named(methods), progress, tune)

    def search(
        self, recipe: Recipe, plan: SearchPlan | None = None, progress: Progress = silent
    ) -> Iterator[Run]:
        """Search the coefficients on validation rows: the run, after every step.

        ``run.recipe()`` is the recipe with the best ones so far, which records that they were
        found.

        Raises:
            StudioError: rows, memory or budget do not allow it, or the method has nothing to move.
        """
        return optimize(self.bench, recipe, plan or SearchPlan(), progress)

    def merge(
        self, recipe: Recipe, out: str | Path, *, as_lora: bool = False,
        ledger: str | Path | None = None, progress: Progress = silent,
    ) -> Written:  # fmt: skip
        """Merge into a new folder, with heads, card and scores; the ledger hears of it.

        Args:
            recipe: of this zoo's tasks.
            out: a folder that does not exist.
            as_lora: one adapter for PEFT; the method must be linear and all tasks LoRAs.
            ledger: folder of the log; None for the one in the user's data folder.
            progress: told the share done; may raise to stop.

        Raises:
            StudioError: the merge cannot be written so, or a task was certified as removed.
        """
        plan, account = ExportPlan(Path(out), adapter=as_lora), Account(_ledger(ledger))
        merge = self.bench.merge(recipe)
        return export_merge(merge, plan, self.bench, account=account, progress=progress)

    def check_unmerge(
        self, recipe: Recipe, remove: str | Sequence[str], progress: Progress = silent
    ) -> dict[str, Judgment]:
        """Measure what taking tasks out would leave of them; nothing is written.

        Args:
            recipe: with them.
            remove: names of the tasks to take out.
            progress: told the share done; may raise to stop.

        Returns:
            By way: 'exact' merges the others anew, 'algebraic' subtracts.

        Raises:
            StudioError: there is no such task, or what is left cannot be merged.
        """
        unmerged = unmerging(recipe, _names(remove), "exact")
        return judge_both(self.bench.merge, unmerged, self._scoring(), progress)

    def certify(
        self, recipe: Recipe, remove: str | Sequence[str], out: str | Path, *,
        key: SigningKey | None = None, request: Request | None = None,
        ledger: str | Path | None = None, progress: Progress = silent,
    ) -> Certified:  # fmt: skip
        """Merge without some tasks, exactly, into a new folder with a certificate of that.

        Args:
            recipe: with them.
            remove: names of the tasks to take out.
            out: a folder that does not exist.
            key: that signs, see ``studio.evidence.ledger.keys``; None for one that is thrown away,
                whose certificate is a demonstration and binds nothing.
            request: why and for whom; None for no words on it.
            ledger: folder of the log; None for the one in the user's data folder.
            progress: told the share done; may raise to stop.

        Raises:
            StudioError: what was asked cannot be certified; nothing is written.
        """
        operator = Operator(_ledger(ledger), key or demo_key(), request or Request("other"))
        return certify(
            self.bench.merge, unmerging(recipe, _names(remove), "exact"), Path(out), operator,
            scoring=self._scoring(), tasks=list(self.bench.tasks.values()), progress=progress,
        )  # fmt: skip

    def _scoring(self) -> Scoring | None:
        return bench_scoring(self.bench) if self.bench.scored() else None


def open_zoo(path: str | Path, device: str = "auto", roots: Sequence[str | Path] = ()) -> OpenZoo:
    """Open a zoo; every misfit of its checkpoints, heads and rows is found before any work.

    Args:
        path: of ``zoo.yaml``, or its folder.
        device: where models are evaluated: auto, cpu, cuda or mps.
        roots: folders into which links among the checkpoints' files may lead.

    Raises:
        StudioError: a sentence that lists what is wrong.
    """
    zoo, allowed = load_zoo(Path(path)), tuple(Path(root) for root in roots)
    preflight(zoo, roots=allowed).refuse_misfits()
    return OpenZoo(Bench(zoo, resolve_device(device), roots=allowed))


def _ledger(folder: str | Path | None) -> Ledger:
    return Ledger(Path(folder) if folder else data_folder())


def _names(remove: str | Sequence[str]) -> tuple[str, ...]:
    return (remove,) if isinstance(remove, str) else tuple(remove)
