"""Questions of other programs: each is the one job while it is answered, on a bench of its own."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.compare.comparison import methods_named
from studio.compare.tables import comparison_json
from studio.disk.folders import refuse_existing
from studio.errors import BadCertificate, BadRecipe, StudioError
from studio.evidence.bundle import KEY_FILE
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.unmerge import unmerge
from studio.evidence.verify import closing_words, verify
from studio.export.plan import ExportPlan
from studio.inspection import checkpoint_summaries
from studio.library import OpenZoo
from studio.measure.bench import Bench
from studio.measure.metrics import scores_json
from studio.methods import METHODS
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.context import SharedEngine
from studio.session.jobs import BrowserJobs, JobState
from studio.session.worker import Worker

PROGRAM = "program"  # the owner of their jobs; ids of browsers look otherwise
SPLITS = ("held_out", "validation")
Ask = Callable[[Progress], dict]
_BROKEN = "It could not be computed: an internal error, or too little memory; the terminal says."
_MOST_NAMES = 1000
_OFTEN = 0.5  # seconds between two looks at how far it is


@dataclass(frozen=True)
class Wanted:
    """A mix of the open zoo, as a program asks for it; nothing in it is trusted.

    Attributes:
        method: name of a merge method.
        coefficients: by task; those left out are the method's default. None: all are.
        without: tasks to leave out, as if they had never been.
    """

    method: object
    coefficients: object = None
    without: object = None

    def recipe(self, zoo: OpenZoo) -> Recipe:
        """Of that zoo.

        Raises:
            BadRecipe: there is no such method or task, or what was given is no such thing.
        """
        (method,) = _names([self.method], "method")
        given = {} if self.coefficients is None else self.coefficients
        if not isinstance(given, dict) or not all(_is_number(each) for each in given.values()):
            raise BadRecipe("'coefficients' must be an object of numbers by task.")
        recipe = zoo.recipe(method, {str(name): float(given[name]) for name in given})
        without = _names([] if self.without is None else self.without, "without")
        return unmerge(recipe, without, "exact") if without else recipe


class Questions:
    """What another program may ask of a running studio; the answers are plain values.

    Args:
        engine: what all pages share.
        heard: told how far a question is, as its job's share grows, in the thread that asked.
    """

    def __init__(
        self, engine: SharedEngine, heard: Callable[[JobState], None] = lambda state: None
    ) -> None:
        self._engine = engine
        self._heard = heard
        self._lock = threading.Lock()
        self._own: tuple[Worker, OpenZoo] | None = None

    def inspect(self) -> dict:
        """What is open: tasks, what is known of their checkpoints, and the methods."""
        return self._answer("Look at the zoo", lambda progress: _inspected(self._zoo()))

    def geometry(self, mix: "Wanted", tensors: bool) -> dict:
        """As ``inspect`` of the command line; without places on the disk."""

        def ask(progress: Progress) -> dict:
            zoo = self._zoo()
            found = zoo.geometry(mix.recipe(zoo), progress)
            kept = {k: v for k, v in found.items() if k != "tensors" or tensors}
            return kept | {"checkpoints": _placeless(found["checkpoints"])}

        return self._answer("Geometry", ask)

    def evaluate(self, mix: "Wanted", split: str) -> dict:
        """Scores by task, with intervals, and their mean."""
        if split not in SPLITS:
            raise BadRecipe(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")

        def ask(progress: Progress) -> dict:
            zoo = self._zoo()
            return scores_json(zoo.evaluate(mix.recipe(zoo), split, progress))

        return self._answer("Scores", ask)

    def compare(self, methods: Sequence[str], tune: bool) -> dict:
        """Methods side by side on held-out rows."""
        names = methods_named(_names(methods, "methods"))

        def ask(progress: Progress) -> dict:
            *_, table = self._zoo().compare(names, tune, progress)
            return comparison_json(table)

        return self._answer("Comparison", ask)

    def check_unmerge(self, mix: "Wanted", remove: Sequence[str]) -> dict:
        """Verdict and checks of both ways to take tasks out; nothing is written."""
        names = _names(remove, "remove")

        def ask(progress: Progress) -> dict:
            zoo = self._zoo()
            found = zoo.check_unmerge(mix.recipe(zoo), names, progress)
            return {mode: judgment.plain() for mode, judgment in found.items()}

        return self._answer("Checks of an unmerge", ask)

    def merge(self, mix: "Wanted", out: str) -> dict:
        """Write a merge into a new folder, as the page's export does."""
        engine, target = self._engine, self._engine.inside(out)
        refuse_existing(target)

        def ask(progress: Progress) -> dict:
            zoo = self._zoo()
            merge = zoo.bench.merge(mix.recipe(zoo))
            account = Account(engine.ledger, key=engine.key)
            made = export_merge(
                merge, ExportPlan(target), zoo.bench, account=account, progress=progress
            )
            said = {"words": made.words, "notes": made.notes, "checked": made.checked}
            plain = said | {"warnings": made.warnings}
            return {"folder": str(target), "root": made.root} | {
                name: value if isinstance(value, str) else list(value)
                for name, value in plain.items()
            }

        return self._answer(f"Export to {target.name}", ask)

    def verify(self, folder: str) -> dict:
        """Whether the bundle in a folder is what its certificate says."""
        inside = self._engine.inside(folder)
        if not (inside / CERTIFICATE_FILE).is_file():
            raise BadCertificate(f"{inside.name} is no bundle: it has no {CERTIFICATE_FILE}.")

        def ask(progress: Progress) -> dict:
            found = verify(
                inside, inside / CERTIFICATE_FILE, inside / KEY_FILE, None, None, progress
            )
            findings = [vars(each) for each in found.findings]
            return {"good": found.good, "findings": findings, "words": closing_words(found)}

        return self._answer(f"Verify {inside.name}", ask)

    def stop(self) -> dict:
        """Ask the question that is being answered to stop; pages' jobs go on."""
        jobs = BrowserJobs(self._engine.jobs, PROGRAM)
        state = jobs.state
        mine = state is not None and state.running and state.owner == PROGRAM
        jobs.cancel()
        return {"stopped": mine}

    def _answer(self, name: str, ask: Ask) -> dict:
        """Ask as the studio's one job, and wait for its end.

        Raises:
            StudioError: another job is running, or what was asked is refused.
        """
        answers, problems = list[dict](), list[StudioError]()

        def work(progress: Progress) -> tuple[str, str]:
            try:
                answers.append(ask(progress))
            except StudioError as refusal:
                problems.append(refusal)
                raise
            return "Another program has its answer.", ""

        self._wait(self._engine.jobs.start(name, work, PROGRAM))
        if answers:
            return answers[0]
        raise problems[0].bare() if problems else StudioError(_BROKEN)

    def _wait(self, job: threading.Thread) -> None:
        """Until a job has ended, telling of it meanwhile."""
        told = -1.0
        while job.is_alive():
            job.join(_OFTEN)
            state = self._engine.jobs.state
            if state and state.running and state.owner == PROGRAM and state.share > told:
                told = state.share
                self._heard(state)

    def _zoo(self) -> OpenZoo:
        """The open zoo on a bench beside which the page goes on; within a job, none other opens."""
        worker = self._engine.worker
        with self._lock:
            if self._own is None or self._own[0] is not worker:
                self._own = None  # the memory of the one before is wanted
                shown = worker.bench
                own = Bench(self._engine.zoo, shown.device, roots=shown.roots)
                self._own = worker, OpenZoo(own)
            return self._own[1]


def _inspected(zoo: OpenZoo) -> dict:
    bench = zoo.bench
    return {
        "zoo": zoo.zoo.name,
        "device": bench.device.type,
        "tasks": _placeless(checkpoint_summaries(bench.deltas, bench.notes)),
        "scored": {split: list(bench.scored(split)) for split in SPLITS},
        "methods": [
            {"name": name, "title": kind.title, "default_coefficient": kind.default_coefficient}
            for name, kind in METHODS.items()
        ],
    }


def _placeless(summaries: list[dict]) -> list[dict]:
    """Without where the checkpoints lie."""
    return [{k: v for k, v in each.items() if k != "folder"} for each in summaries]


def _names(given: object, what: str) -> tuple[str, ...]:
    """Names that a program gave.

    Raises:
        BadRecipe: it gave something else.
    """
    names = given if isinstance(given, list | tuple) else [given]
    if len(names) > _MOST_NAMES or not all(isinstance(each, str) for each in names):
        raise BadRecipe(f"'{what}' must be names.")
    return tuple(str(each) for each in names)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
