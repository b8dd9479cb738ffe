"""The tasks of a zoo in the making, and what is known of their rows, which are read beside it."""

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData, BadZoo, NotAllowed, Remedy, StudioError, some
from studio.new_zoo.cost import Work, work_of
from studio.new_zoo.fields import FIELDS
from studio.new_zoo.finding import Found
from studio.new_zoo.grouping import Member, Proposal
from studio.new_zoo.kinds import kind_of
from studio.new_zoo.plan import NewTask, columns_of, planned
from studio.new_zoo.tables import Table
from studio.progress import Progress
from studio.session.context import SharedEngine
from studio.session.jobs import JobState
from studio.session.row_looks import Draws, Look, RowLooks
from studio.session.row_reading import RowReading

_SHOWN = 50  # rows of a table that are kept to be looked at


class ReadTasks:
    """What was found, the tasks made of it, and what came of the looks at their rows.

    Attributes:
        version: changes whenever anything below does.
        found: by the last search; None before the first.
        proposals: zoos that it could become.
        chosen: place of the one that is worked on.
        tasks: of the zoo in the making, by the name that was found for each.
        draws: how their rows are put into splits.
    """

    def __init__(self, engine: SharedEngine, browser: str = "") -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._rows = RowLooks(self.allow)
        self._reading = RowReading(self._look_now, browser)
        self._looks: dict[str, Look] = {}
        self._news: dict[str, str] = {}  # by task, that a file of it changed
        self.version = 0
        self.found: Found | None = None
        self.proposals: Sequence[Proposal] = ()
        self.chosen = 0
        self.tasks: dict[str, NewTask] = {}
        self.draws = Draws()

    @property
    def proposal(self) -> Proposal | None:
        """The one that is worked on."""
        return self.proposals[self.chosen] if self.proposals else None

    @property
    def members(self) -> dict[str, Member]:
        """Of the proposal that is worked on, those that fit its base, by name."""
        every = self.proposal.members if self.proposal and self.proposal.base else ()
        return {member.name: member for member in every if member.problem is None}

    @property
    def troubles(self) -> dict[str, StudioError]:
        """By task, why it cannot be taken; empty for none."""
        return {name: look.trouble for name, look in self._seen().items() if look.trouble}

    @property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """By task, what a user should know of its rows."""
        return {name: look.notes for name, look in self._seen().items()}

    @property
    def unread(self) -> tuple[str, ...]:
        """Tasks whose rows are being read, or wait for it."""
        with self._lock:
            return tuple(name for name in self.tasks if name not in self._looks)

    @property
    def reading(self) -> JobState | None:
        """What is being read at this moment, as the page shows a job."""
        return self._reading.state

    def stop_reading(self) -> None:
        """Read no more rows; of tasks whose rows were not read, that is said."""
        given_up = self._reading.cancel()
        with self._lock:
            for name in (each for each in given_up if each in self.tasks):
                told = f"'{self.tasks[name].name}': its rows were not read: that was cancelled."
                self._looks[name] = Look(trouble=BadData(told, Remedy.READ_ROWS))
                self.version += 1

    def refresh(self) -> list[str]:
        """Have rows read again whose files changed; returns the names of these files."""
        with self._lock:
            found = {name: look.changed() for name, look in self._seen().items()}
            for name, files in found.items():
                if files:
                    self._news[name] = (
                        f"{some([file.name for file in files])} changed since its rows were looked "
                        "at, and was read again."
                    )
                    self._look(name)
                    self.version += 1
            return [str(file) for files in found.values() for file in files]

    def _as_looked_at(self) -> Callable[[Path, int], Table]:
        """Reads tables that are still what was looked at, and refuses others."""
        looked = {(file, stamp) for look in self._seen().values()
                  for file, stamp in look.stamps.items()}  # fmt: skip

        def read(file: Path, seed: int) -> Table:
            table = self._rows.read(file, seed)
            if (file, table.stamp) not in looked:
                raise BadData(
                    f"{file} changed since its rows were looked at. Look at them again, then write "
                    "the zoo."
                )
            return table

        return read

    def work(self) -> Work | None:
        """What making the zoo needs; None until the rows of all tasks were looked at."""
        with self._lock:
            seen, members = self._seen(), self.members
            if not self.tasks or self.unread or any(not look.rows for look in seen.values()):
                return None
            tasks = [
                (task, look.rows, members[name].parameters)
                for (name, task), look in zip(self.tasks.items(), seen.values(), strict=True)
                if look.rows
            ]
            return work_of(self._base(), tasks, self._engine.device)

    def _seen(self) -> dict[str, Look]:
        with self._lock:
            return {name: self._looks[name] for name in self.tasks if name in self._looks}

    def table(self, name: str) -> Table | None:
        """The first table of a task, as it was read; None if it has none that can be."""
        with self._lock:
            if look := self._looks.get(name):
                return look.table
            return self._rows.known(self.tasks[name]) if name in self.tasks else None

    def columns(self, name: str) -> dict[str, str]:
        """By field of a task's kind, the column that is read; empty ones are not."""
        with self._lock:
            table = self.table(name)
            if table is None or name not in self.tasks:
                return {}
            task, look = self.tasks[name], self._looks.get(name)
            read = look.columns if look else columns_of(task, table)
            return {field.name: read.get(field.name, "") for field in FIELDS[task.kind]}

    def _look(self, name: str) -> None:
        """Have a task's rows looked at; until then nothing is known of them."""
        self._looks.pop(name, None)
        self._reading.ask(name)

    def _look_now(self, name: str, progress: Progress) -> None:
        """Look at a task's rows, without keeping the page waiting, and note what came of it."""
        with self._lock:
            task, draws = self.tasks.get(name), self.draws
        if task is None:
            return
        try:
            look = self._rows.look(task, draws, progress)
        except StudioError:  # it is no longer wanted so
            raise
        except Exception:
            traceback.print_exc()
            told = f"'{task.name}': an internal error (the terminal has details) ended the reading."
            look = Look(trouble=BadData(told, Remedy.READ_ROWS))
        with self._lock:
            if self.tasks.get(name) is not task or self.draws != draws:
                return  # it is asked for again
            self.version += 1
            if look.table and self._is_of_another_kind(name, look.table.columns):
                self._reading.ask(name)
                return
            news = (self._news.pop(name),) if name in self._news else ()
            table = look.table and replace(look.table, rows=look.table.rows[:_SHOWN])
            self._looks[name] = replace(look, table=table, notes=(*news, *look.notes))

    def _is_of_another_kind(self, name: str, columns: Sequence[str]) -> bool:
        """Whether a task's rows tell that it is of another kind, which it then becomes."""
        task, base = self.tasks[name], self._base()
        version = next(
            each for each in self.members[name].versions if each.folder == task.checkpoint
        )
        if kind_of(base, version.checkpoint, columns)[0] == task.kind:
            return False
        taken = replace(self.members[name], model=version)
        (made,) = planned(base, [taken], Found(), {name: task.files}, (), lambda file: columns)
        self.tasks[name] = replace(made, name=task.name, labels=task.labels, columns=task.columns)
        return True

    def _base(self) -> Checkpoint:
        assert self.proposal
        assert self.proposal.base
        return self.proposal.base

    def _task(self, name: str) -> NewTask:
        if name not in self.tasks:
            raise BadZoo("Choose a task.")
        return self.tasks[name]

    def allow(self, source: str, name: str) -> None:
        """Refuse a path outside the roots, as ``preflight`` asks before it touches one."""
        if Path(source).is_absolute():
            try:
                self._engine.inside(source)
            except NotAllowed as refusal:
                raise refusal.within(name) from None
