"""A zoo in the making: what was found, what was chosen of it, and what is wrong with its rows."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from studio.errors import BadCheckpoint, BadZoo, NotAllowed, StudioError
from studio.new_zoo.fields import FIELDS
from studio.new_zoo.finding import Found
from studio.new_zoo.grouping import Member, Proposal
from studio.new_zoo.names import as_name
from studio.new_zoo.plan import ALL, NewTask, columns_of, planned
from studio.new_zoo.prepare import prepared
from studio.new_zoo.tables import Table, read_table
from studio.recipe import task_name
from studio.session.context import SharedEngine


class Making:
    """What a person has chosen so far of what a search has found.

    Attributes:
        version: changes whenever anything below does.
        found: by the last search; None before the first.
        proposals: zoos that it could become.
        chosen: place of the one that is worked on.
        tasks: of the zoo in the making, by the name that was found for each.
        troubles: by task, why its rows cannot be taken; empty for none.
        notes: by task, what a user should know of its rows.
        places: that were searched last, one a line; empty before the first search.
        wanted: the base that was asked for then; empty to find it out.
    """

    def __init__(self, engine: SharedEngine) -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._tables: dict[Path, Table] = {}
        self.version = 0
        self.places = self.wanted = ""
        self.found: Found | None = None
        self.proposals: Sequence[Proposal] = ()
        self.chosen = 0
        self.tasks: dict[str, NewTask] = {}
        self.troubles: dict[str, str] = {}
        self.notes: dict[str, tuple[str, ...]] = {}

    @property
    def proposal(self) -> Proposal | None:
        """The one that is worked on."""
        return self.proposals[self.chosen] if self.proposals else None

    @property
    def members(self) -> dict[str, Member]:
        """Of the proposal that is worked on, those that fit its base, by name."""
        every = self.proposal.members if self.proposal and self.proposal.base else ()
        return {member.name: member for member in every if member.problem is None}

    def choose(self, place: int) -> None:
        """Work on another proposal, with all of its members that fit."""
        with self._lock:
            if not 0 <= place < max(len(self.proposals), 1):
                raise BadZoo("The page asked for a zoo that was not found; search again.")
            self.chosen = place
            self.tasks, self.troubles, self.notes = {}, {}, {}
            self.take(list(self.members))

    def take(self, names: Sequence[str]) -> None:
        """Make tasks of these members, with the tables that seem to be theirs."""
        with self._lock:
            unknown = [name for name in names if name not in self.members]
            if unknown:
                raise BadZoo(f"There is no model '{unknown[0]}' among those found; search again.")
            proposal, found = self.proposal, self.found
            new = [self.members[name] for name in names if name not in self.tasks]
            made: Sequence[NewTask] = ()
            if proposal and proposal.base and found and new:
                every = list(self.members.values())
                made = planned(proposal.base, new, found, {}, every)
            known = self.tasks | {task.name: task for task in made}
            self.tasks = {name: known[name] for name in self.members if name in names}
            self.troubles = {n: words for n, words in self.troubles.items() if n in self.tasks}
            for task in made:
                self._look(task.name)
            self.version += 1

    def change(self, name: str, **what: object) -> None:
        """Change a task in the making.

        Args:
            name: of the task.
            what: called (another name), rows (a path), fields ({name: column}), labels (a text,
                with commas), or version (the name of a checkpoint's folder).

        Raises:
            StudioError: there is no such task, path or version.
        """
        with self._lock:
            task = self._task(name)
            if "called" in what and str(what["called"] or "").strip():
                task = replace(task, name=task_name(str(what["called"]).strip(), "", BadZoo))
            if "version" in what:
                made = self._remade(name, task, str(what["version"]), task.files)
                task = replace(made, columns=task.columns)
            if "rows" in what:
                given = str(what["rows"] or "").strip()
                files = {ALL: self._engine.inside(given)} if given else {}
                task = self._remade(name, task, task.checkpoint.name, files)
            fields = what.get("fields")
            if isinstance(fields, Mapping):
                task = replace(task, columns={str(k): str(v) for k, v in fields.items() if v})
            if "labels" in what:
                names = [x.strip() for x in str(what["labels"] or "").split(",") if x.strip()]
                task = replace(task, labels=tuple(names) or None)
            if task != self.tasks[name]:
                self.tasks[name] = task
                self._look(name)
                self.version += 1

    def _task(self, name: str) -> NewTask:
        if name not in self.tasks:
            raise BadZoo("Choose a task.")
        return self.tasks[name]

    def _remade(self, key: str, task: NewTask, version: str, files: Mapping[str, Path]) -> NewTask:
        """The task of a version with files, whose columns also tell its kind."""
        member, base = self.members[key], self.proposal and self.proposal.base
        found = [each for each in member.versions if each.folder.name == version]
        if not found or base is None:
            raise BadCheckpoint(f"'{task.name}' has no version '{version}'.")
        member = replace(member, model=found[0])
        (remade,) = planned(base, [member], Found(), {key: files})
        return replace(remade, name=task.name, labels=task.labels)

    def table(self, name: str) -> Table | None:
        """The first table of a task, as it was read; None if it has none that can be."""
        with self._lock:
            task = self.tasks.get(name)
            file = next(iter(task.files.values()), None) if task else None
            return self._tables.get(file) if file else None

    def columns(self, name: str) -> dict[str, str]:
        """By field of a task's kind, the column that is read; empty ones are not."""
        table = self.table(name)
        if table is None:
            return {}
        task = self.tasks[name]
        read = columns_of(task, table)
        return {field.name: read.get(field.name, "") for field in FIELDS[task.kind]}

    def tables(self) -> list[str]:
        """Paths of the tables and folders of images that the search has found."""
        return (
            [str(each) for each in (*self.found.tables, *self.found.images)] if self.found else []
        )

    def _look(self, name: str) -> None:
        """Read a task's rows and put them into splits, to see whether they can be taken."""
        task = self.tasks.get(name)
        self.troubles.pop(name, None)
        self.notes[name] = ()
        if task is None:
            return
        try:
            for file in task.files.values():
                if file not in self._tables:
                    self._allow(str(file), "a table")
                    self._tables[file] = read_table(file)
            self.notes[name] = prepared(task, 0, read=lambda file, _: self._tables[file]).notes
        except StudioError as problem:
            own = f"'{task.name}'"
            named = problem if own in problem.problem else problem.within(own)
            self.troubles[name] = named.problem

    def refuse_troubles(self, seed: int, drop_leaks: bool) -> None:
        """Refuse tasks whose rows cannot be taken, before anything is written.

        Args:
            seed: of the draws.
            drop_leaks: as of ``prepared``.

        Raises:
            BadData: the first of them, by its name.
        """
        with self._lock:
            for name in self.troubles:
                files = self.tasks[name].files.values()
                self._tables |= {f: read_table(f) for f in files if f not in self._tables}
                prepared(self.tasks[name], seed, drop_leaks, lambda file, _: self._tables[file])

    def free_folder(self, root: Path) -> str:
        """A new folder for the zoo, called as its base is."""
        stem = as_name(Path(self.proposal.source).name) if self.proposal else "own"
        names = (f"zoo-{stem}" + (f"-{number}" if number else "") for number in range(1000))
        return str(next(root / each for each in names if not (root / each).exists()))

    def _allow(self, source: str, name: str) -> None:
        if Path(source).is_absolute():
            try:
                self._engine.inside(source)
            except NotAllowed as refusal:
                raise refusal.within(name) from None
