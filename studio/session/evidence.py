"""A browser's evidence: what is unmerged, what was measured of it, certificates and copies."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.compare.unmerge_drop import Removal, linear_methods, removals
from studio.disk.folders import refuse_existing
from studio.errors import BadCertificate, StudioError
from studio.evidence.bundle import KEY_FILE, Certified, Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.judgment import Judgment, judge_both
from studio.evidence.ledger.copies import Copy, copies, recall_copy
from studio.evidence.measures import Ranges, raw_coefficients
from studio.evidence.report.paper import Paper
from studio.evidence.scoring import Scoring
from studio.evidence.tamper import Tampered, tamper
from studio.evidence.unmerge import Unmerging, unmerging
from studio.evidence.verify import Verification, verify
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.methods import method
from studio.progress import Progress
from studio.recipe import Recipe, TaskEntry
from studio.session.bounded_store import BoundedStore
from studio.session.context import Context
from studio.session.pace import earlier
from studio.session.worker import Worker
from studio.tasks.live_model import LiveModel

_LOOK = 0.1  # seconds between looks at the worker
OPERATIONS = ("remove", "subtract", "replace")
_MODE = {"remove": "exact", "subtract": "algebraic", "replace": "exact"}
_KEPT = 8
_PAPER = Paper()


@dataclass(frozen=True)
class Asked:
    """A certificate that the page asks for.

    Attributes:
        operation: one of ``OPERATIONS``.
        folder: new, for the bundle.
        task: to replace.
        checkpoint: folder of its successor.
        request: what the operator declares.
        paper: what stands in the report alone, and its language.
    """

    operation: str
    folder: str
    task: str
    checkpoint: str
    request: Request
    paper: Paper = _PAPER


class Evidence:
    """The part of a session that has to do with proving what was taken out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: BoundedStore[str, dict[str, Judgment]] = BoundedStore(_KEPT)
        self.version = 0
        self.certified: Certified | None = None
        self.verified: tuple[str, Verification] | None = None
        self.tampered: Tampered | None = None
        self.drops: list[Removal] = []

    def unmerging(self, mode: str = "exact") -> Unmerging | None:
        """What the unticked tasks of the shown mix are taken out of; None if all are ticked."""
        mix, zoo = self._context.mix(), self._context.zoo
        gone = tuple(strip.name for strip in mix.strips if not strip.on)
        return unmerging(mix.everything().recipe(zoo), gone, mode) if gone else None

    def coefficients(self) -> Mapping[str, Ranges] | None:
        """Every task's raw coefficient: full, subtracted, rebuilt.

        Returns:
            Empty for a method that mixes no raw deltas; None if nothing is unticked, or the inner
            products are not there yet.

        Raises:
            StudioError: the full mix cannot be merged.
        """
        shown, bench = self.unmerging(), self._context.bench
        if shown is None or "gram" not in vars(bench):
            return None
        return raw_coefficients(bench.merge, shown) or {}

    def found(self) -> dict[str, Judgment]:
        """What is known of the shown unmerge, by mode."""
        shown = self.unmerging()
        return self._found.get(_key(shown), {}) if shown else {}

    def start_checks(self) -> None:
        """Measure both operations on the shown unmerge, as a job.

        Raises:
            StudioError: nothing is unticked, or a job is running.
        """
        shown, worker = self._shown(), self._context.worker

        def work(progress: Progress) -> tuple[str, str]:
            found = judge_both(worker.bench.merge, shown, scoring(worker), progress)
            self.keep(shown, found)
            return found["exact"].verdict[1], ""

        about, takes = ", ".join(shown.removed), self._context.pace.scored("checks", 3)
        self._context.jobs.start(f"Checks without {about}", work, takes)

    def keep(self, shown: Unmerging, found: dict[str, Judgment]) -> None:
        """Keep what the checks found of an unmerge, by mode."""
        self._found[_key(shown)] = found
        self._changed()

    def start_drops(self) -> None:
        """Measure what every linear method's unmerges cost the kept tasks, as a job.

        The shown method has the mix's coefficients, the others their own; a live model of the
        job's own is worn, so that the page goes on.

        Raises:
            StudioError: the zoo has no held-out rows, or a job is running.
        """
        context = self._context
        if not context.bench.scored():
            raise StudioError("This zoo has no heads or no held-out rows, so nothing can drop.")
        recipes = _linear_recipes(context)

        def work(progress: Progress) -> tuple[str, str]:
            self.drops = []
            for each in removals(context.own_bench(), recipes, progress=progress):
                self.drops = [*self.drops, each]
                self._changed()
            return "Measured what each unmerge costs the tasks that are kept.", ""

        takes = context.pace.scored("drops", 2 * len(recipes))
        context.jobs.start("Unmerge accuracy drops", work, takes)

    def start_certificate(self, asked: Asked) -> None:
        """Write a bundle with its certificate, as a job.

        Raises:
            StudioError: what is asked for makes no sense, the folder is not allowed, or a job is
                running.
        """
        context, engine = self._context, self._context.engine
        target = engine.inside(asked.folder)
        refuse_existing(target)
        shown, worker = self._asked(asked), context.worker
        operator = Operator(
            engine.ledger, engine.key, asked.request, allowed=context.admission.allowed,
            paper=asked.paper,
        )  # fmt: skip
        known = self._found.get(_key(shown), {}).get(shown.mode)
        measured = known.measures if known and asked.operation != "replace" else None

        def work(progress: Progress) -> tuple[str, str]:
            made = certify(
                worker.bench.merge, shown, target, operator, scoring=scoring(worker),
                tasks=list(worker.bench.tasks.values()), measured=measured, progress=progress,
            )  # fmt: skip
            context.downloads.offer(target)
            self.certified = made
            engine.leave_out_removed()
            self._changed()
            return f"Wrote {target} with certificate no. {made.number}", str(target)

        how = "a certificate" if measured else "a certificate and its checks"
        context.jobs.start(f"Certificate in {target.name}", work, context.pace.written(how))

    def start_verification(self, folder: str) -> None:
        """Verify a bundle in a folder, as a job.

        Raises:
            StudioError: the folder is not allowed, or a job is running.
        """
        inside = _bundle(self._context.engine.inside(folder))

        def work(progress: Progress) -> tuple[str, str]:
            files = inside / CERTIFICATE_FILE, inside / KEY_FILE
            found = verify(inside, *files, progress=progress)
            self.verified = (inside.name, found)
            self._changed()
            return f"{inside.name}: {'passed' if found.good else 'did not pass'}.", ""

        self._context.jobs.start(f"Verify {inside.name}", work, earlier("verify", _size(inside)))

    def start_tampering(self, folder: str) -> None:
        """Flip one byte of a copy of a bundle and verify it, as a job.

        Raises:
            StudioError: the folder is not allowed, or a job is running.
        """
        inside = _bundle(self._context.engine.inside(folder))

        def work(progress: Progress) -> tuple[str, str]:
            within = self._context.engine.temporary.path
            self.tampered = tamper(inside, inside / KEY_FILE, within, progress)
            self._changed()
            return "One byte of a copy was changed; the copy is deleted again.", ""

        takes = earlier("change a byte", _size(inside))
        self._context.jobs.start("Change one byte of a copy", work, takes)

    def copies(self) -> list[Copy]:
        """Exports that still hold an unticked task, and the others, the latest first.

        Raises:
            BadLedger: the log was edited.
        """
        return copies(self._context.engine.ledger)

    def digests(self) -> list[str]:
        """Digests of the unticked tasks' checkpoints; recalled where no file was touched since."""
        shown, deltas = self.unmerging(), self._context.bench.deltas
        named = dict(zip(deltas.tasks, deltas.checkpoints, strict=True))
        return [named[name].known_digest for name in shown.removed] if shown else []

    def recall(self, copy: str) -> None:
        """Mark a copy as recalled.

        Raises:
            BadLedger: there is no such copy.
        """
        recall_copy(self._context.engine.ledger, copy, self._context.engine.key)
        self._changed()

    def allow(self, task: str) -> None:
        """Let a task in again that was certified as removed.

        Raises:
            NotAllowed: it is none.
        """
        self._context.admission.allow(task, self._context.engine.key)
        self._changed()

    def _asked(self, asked: Asked) -> Unmerging:
        if asked.operation not in OPERATIONS:
            raise BadCertificate("The page asked for something unknown; reload the page.")
        if asked.operation != "replace":
            shown = self._shown(_MODE[asked.operation])
            self._context.admission.refuse(shown.recipe.names)
            return shown
        path, full = self._context.engine.inside(asked.checkpoint), self._context.recipe()
        self._context.admission.refuse(full.names)
        return unmerging(full, (asked.task,), "exact", TaskEntry(asked.task, str(path)))

    def _shown(self, mode: str = "exact") -> Unmerging:
        shown = self.unmerging(mode)
        if shown is None:
            raise StudioError("Nothing is unmerged: untick a task in the mixer first.")
        return shown

    def _changed(self) -> None:
        self.version += 1


def _linear_recipes(context: Context) -> dict[str, Recipe]:
    """Every linear method's recipe of all tasks: the shown one as the mix has it, and first."""
    recipes = {name: context.zoo.started(name) for name in linear_methods()}
    shown = context.mix().everything().recipe(context.zoo)
    if method(shown.method, shown.options).derives:
        return recipes
    return {shown.method: shown} | recipes | {shown.method: shown}


def _bundle(folder: Path) -> Path:
    if not (folder / CERTIFICATE_FILE).is_file():
        raise BadCertificate(f"{folder.name} is no bundle: it has no {CERTIFICATE_FILE}.")
    return folder


def _size(folder: Path) -> int:
    """Bytes of a bundle's files."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def scoring(worker: Worker) -> Scoring | None:
    """Scores by the worker that owns the live model; None for a zoo without heads or rows."""
    bench, results = worker.bench, worker.results
    if not bench.scored():
        return None

    def evaluate(recipe: Recipe, progress: Progress) -> Evaluation:
        worker.scores(recipe, lambda share: progress(share, "scoring held-out rows"))
        found = results.evaluation(recipe)
        assert found is not None
        return found

    def waited(known: Callable[[], Mapping[str, Score]]) -> Callable[[Progress], dict[str, Score]]:
        def wait(progress: Progress) -> dict[str, Score]:
            while not results.references_done:  # what is known before may be the quick pass
                if refusal := results.refusal_of_references:
                    raise StudioError(refusal)
                progress(results.references_share, "waiting for the scores of experts and base")
                time.sleep(_LOOK)
            return dict(known())

        return wait

    return Scoring(
        bench, evaluate, waited(lambda: results.base), waited(lambda: results.experts),
        lambda: LiveModel(bench.base, bench.device, bench.kinds, bench.dtype),
    )  # fmt: skip


def _key(shown: Unmerging) -> str:
    return f"{shown.full.digest} {' '.join(shown.removed)}"
