"""A browser's training in the making: which tables, how, what it takes, and how it goes."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.errors import BadZoo, StudioError
from studio.new_zoo.cost import Work, note_make
from studio.new_zoo.names import as_name
from studio.new_zoo.plan import ALL, split_called
from studio.new_zoo.prepare import Prepared
from studio.progress import Progress, part
from studio.session.context import SharedEngine
from studio.session.jobs import BrowserJobs
from studio.session.new_zoo import NewZoos
from studio.training.checks import Check
from studio.training.comparison import Compared
from studio.training.cost import TrainingCost, training_cost, training_work
from studio.training.course import Course, course_of
from studio.training.expert import Trained
from studio.training.run import TrainingPlan, checked_rows, run_folder, train_zoo
from studio.training.tasks import kind_for, new_task, task_called

LOOK, TRAIN = "Look at training rows", "Train experts"


@dataclass(frozen=True)
class Seen:
    """Rows that were looked at, of some tables drawn with some seed.

    Attributes:
        names: of the tasks that were chosen then.
        seed: of the draws.
        rows: of each task, in its splits.
        plan: of the training, whose course may be another by now.
    """

    names: tuple[str, ...]
    seed: int
    rows: Mapping[str, Prepared]
    plan: TrainingPlan


class Trainings:
    """The part of a session that trains experts; it outlives the zoo that is open.

    Attributes:
        version: changes whenever anything below does.
        course: how experts are trained.
        chosen: names of the tasks that are to be trained; None for all.
        seen: rows that were looked at; None before that.
        checks: by task, the checks of the training that runs or ran last.
        trained: by task, how it went; empty until a training was done.
        compared: by task, its expert beside the head alone.
    """

    def __init__(self, engine: SharedEngine, browser: str, found: NewZoos) -> None:
        self._engine, self._found = engine, found
        self._jobs = BrowserJobs(engine.jobs, browser)
        self._lock = threading.RLock()
        self.version = 0
        self.course = Course()
        self.chosen: tuple[str, ...] | None = None
        self.seen: Seen | None = None
        self.checks: dict[str, tuple[Check, ...]] = {}
        self.trained: Mapping[str, Trained] = {}
        self.compared: Mapping[str, Compared] = {}

    @property
    def offered(self) -> bool:
        """Whether there is a base with tables, and nothing yet that could be merged into it."""
        proposal = self._found.proposal
        return bool(proposal and proposal.base and not self._found.members and self.tables)

    @property
    def tables(self) -> dict[str, dict[str, Path]]:
        """By task, the files that were found: by split as they are called, or one for all."""
        found = self._found.found
        grouped: dict[str, dict[str, Path]] = {}
        for path in (*found.tables, *found.images) if found else ():
            grouped.setdefault(task_called(path), {}).setdefault(split_called(path) or ALL, path)
        return {name: _files(files) for name, files in grouped.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tasks that are to be trained."""
        every = self.tables
        return tuple(name for name in every if self.chosen is None or name in self.chosen)

    def choose(self, names: tuple[str, ...]) -> None:
        """Train these tasks."""
        with self._lock:
            unknown = [name for name in names if name not in self.tables]
            if unknown:
                raise BadZoo(f"There are no rows of '{unknown[0]}'; search again.")
            self.chosen = tuple(names)
            self.version += 1

    def set_course(self, given: Mapping[str, object]) -> None:
        """Train in another way.

        Raises:
            BadRecipe: naming the setting and what it may be.
        """
        with self._lock:
            course = course_of(given)
            if course != self.course:
                self.course = course
                self.version += 1

    def cost(self) -> TrainingCost | None:
        """What the training takes, about; None before its rows were looked at."""
        work = self._work()
        return training_cost(self._known().plan, work) if work else None

    def start_look(self, seed: int) -> None:
        """Have the rows put into splits, as a job.

        Raises:
            StudioError: nothing was chosen, or a job is running.
        """
        self._refuse_nothing()
        names = self.names

        def work(progress: Progress) -> tuple[str, str]:
            progress(0.0, "looking at the tables")
            plan = self._plan(seed)
            rows = checked_rows(plan, progress)
            with self._lock:
                self.seen = Seen(names, seed, rows, plan)
                self.version += 1
            count = sum(len(each.rows.get("train", ())) for each in rows.values())
            return f"{count:,} rows to train on.", ""

        self._jobs.start(LOOK, work)

    def start_training(self, folder: str, seed: int) -> None:
        """Train, write the zoo and open it, as a job; one that was cut off goes on.

        Args:
            folder: a new one, from a page.
            seed: of the draws.

        Raises:
            StudioError: nothing was chosen, the folder is outside the roots, or a job is running.
        """
        self._refuse_nothing()
        place, needed = self._engine.inside(folder), self._work()

        def work(progress: Progress) -> tuple[str, str, str]:
            progress(0.0, "looking at the tables")
            plan = self._plan(seed)
            with self._lock:
                self.checks, self.trained, self.compared = {}, {}, {}
                self.version += 1
            began = time.monotonic()
            made = train_zoo(
                plan, place, self._engine.device.type, part(progress, 0.0, 0.9),
                self._found.allow, self._engine.roots, self._tell,
            )  # fmt: skip
            if needed:
                note_make(needed, time.monotonic() - began)
            with self._lock:
                self.trained, self.compared = made.trained, made.compared
                self.version += 1
            self._engine.take_up(place, part(progress, 0.9, 1.0))
            return f"Wrote {made.saved.file} and opened it.", "", _warning(made.compared)

        self._jobs.start(TRAIN, work)

    def goes_on(self, folder: str) -> bool:
        """Whether a training for this folder was begun and not finished."""
        try:
            return run_folder(self._engine.inside(folder)).is_dir() if folder.strip() else False
        except StudioError:
            return False

    def free_folder(self, root: Path) -> str:
        """A new folder for the zoo, called as its base is."""
        proposal = self._found.proposal
        stem = as_name(Path(proposal.source).name) if proposal else "own"
        names = (f"trained-{stem}" + (f"-{number}" if number else "") for number in range(1000))
        return str(next(root / each for each in names if not (root / each).exists()))

    def _tell(self, task: str, found: tuple[Check, ...]) -> None:
        with self._lock:
            self.checks = self.checks | {task: found}
            self.version += 1

    def _known(self) -> Seen:
        assert self.seen
        return self.seen

    def _work(self) -> Work | None:
        with self._lock:
            if self.seen is None or self.seen.names != self.names:
                return None
            plan = self.seen.plan
            now = TrainingPlan(plan.name, plan.base, plan.source, plan.tasks, self.course)
            return training_work(now, self.seen.rows, self._engine.device)

    def _refuse_nothing(self) -> None:
        proposal = self._found.proposal
        if proposal is None or proposal.base is None or not self.names:
            raise BadZoo("Search for a base and labelled rows first, and choose some.")

    def _plan(self, seed: int) -> TrainingPlan:
        """The training of what is chosen; reads the tables' columns."""
        with self._lock:
            proposal, names, tables, course = (
                self._found.proposal, self.names, self.tables, self.course
            )  # fmt: skip
        assert proposal
        assert proposal.base
        tasks = []
        for name in names:
            for file in tables[name].values():
                self._found.allow(str(file), "the rows")
            kind = kind_for(proposal.base, next(iter(tables[name].values())))
            tasks.append(new_task(name, kind, tables[name]))
        made = tuple(tasks)
        return TrainingPlan(
            "Trained here", proposal.base, proposal.source, made, course, seed, True
        )


def _files(found: Mapping[str, Path]) -> dict[str, Path]:
    """The one file that all are drawn from, or the files by split."""
    if "held_out" in found or "validation" in found:
        return {split: path for split, path in found.items() if split != ALL}
    return {ALL: found.get(ALL) or next(iter(found.values()))}


def _warning(compared: Mapping[str, Compared]) -> str:
    worse = [name for name, each in compared.items() if each.is_worse]
    if not worse:
        return ""
    names = ", ".join(f"'{name}'" for name in worse)
    return f"Worse than without training, and kept: {names}."
