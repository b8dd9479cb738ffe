"""A zoo in the making: what was chosen of what a search has found, and what helps it on."""

from collections.abc import Sequence

from studio.errors import BadZoo, Remedy
from studio.new_zoo.plan import ALL, NewTask, one_file, planned
from studio.session.context import SharedEngine
from studio.session.helping import Offer, change_for, offers
from studio.session.read_tasks import ReadTasks
from studio.session.row_looks import Draws
from studio.session.task_changes import changed


class Making(ReadTasks):
    """What a person has chosen so far of what a search has found.

    Attributes:
        places: that were searched last, one a line; empty before the first search.
        wanted: the base that was asked for then; empty to find it out.
    """

    def __init__(self, engine: SharedEngine, browser: str = "") -> None:
        super().__init__(engine, browser)
        self._apart: set[str] = set()
        self.places = self.wanted = ""

    def choose(self, place: int) -> None:
        """Work on another proposal, with all of its members that fit."""
        with self._lock:
            if not 0 <= place < max(len(self.proposals), 1):
                raise BadZoo("The page asked for a zoo that was not found; search again.")
            self.chosen = place
            self.tasks, self._looks, self._apart = {}, {}, set()
            self._reading.keep(())
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
                columns = self._rows.columns_in
                made = planned(proposal.base, new, found, {}, every, columns)
            known = self.tasks | {task.name: task for task in made}
            self.tasks = {name: known[name] for name in self.members if name in names}
            self._reading.keep(self.tasks)
            for task in made:
                self._look(task.name)
            self.version += 1

    def change(self, name: str, **what: object) -> None:
        """Change a task in the making.

        Args:
            name: of the task.
            what: as of ``changed``.

        Raises:
            StudioError: there is no such task, path or version.
        """
        with self._lock:
            task, base = self._task(name), self._base()
            inside, columns = self._engine.inside, self._rows.columns_in
            task = changed(task, self.members[name], base, what, inside, columns)
            if task != self.tasks[name]:
                self.tasks[name] = task
                self._look(name)
                self.version += 1

    def draw(self, draws: Draws) -> None:
        """Put the rows of all tasks into splits in another way."""
        with self._lock:
            if draws != self.draws:
                self.draws = draws
                for name in self.tasks:
                    self._look(name)
                self.version += 1

    def offers(self, name: str) -> list[Offer]:
        """What can be done about a task's trouble by a press of a button."""
        with self._lock:
            return offers(self._task(name), self.troubles.get(name))

    def help(self, name: str, remedy: Remedy) -> None:
        """Do what was offered about a task.

        Args:
            name: of the task, as it was found.
            remedy: one of its offers.

        Raises:
            BadZoo: there is no such task, or that was not offered.
        """
        with self._lock:
            offered = dict(self.offers(name))
            if remedy not in offered:
                raise BadZoo("The page offered what no longer helps; look at the task again.")
            if remedy is Remedy.READ_ROWS:
                self._look(name)
                self.version += 1
            elif remedy is Remedy.LEAVE_TASK_OUT:
                self.take([each for each in self.tasks if each != name])
            elif remedy is Remedy.DROP_LEAKS:
                self.draw(Draws(self.draws.seed, True))
            else:
                self.change(name, **change_for(remedy, offered[remedy], self.columns(name)))

    def leave_out(self, called: str) -> None:
        """Leave the task that is called so out of the zoo."""
        with self._lock:
            self.take([name for name, task in self.tasks.items() if task.name != called])

    def is_apart(self, name: str) -> bool:
        """Whether a task has a file for each split, or is about to get them."""
        with self._lock:
            return name in self._apart or bool({*self._task(name).files} - {ALL})

    def take_apart(self, name: str, apart: bool) -> None:
        """Have a task's splits come from files of their own, or all from one again.

        Args:
            name: of the task.
            apart: whether a file is to be chosen for each split; its one file stays that of the
                held-out rows until then.

        Raises:
            BadZoo: there is no such task.
        """
        with self._lock:
            task = self._task(name)
            self._apart = self._apart | {name} if apart else self._apart - {name}
            self.version += 1
            if not apart:
                self.change(name, rows=next(iter(one_file(task.files).values()), ""))

    def tables(self) -> list[str]:
        """Paths of the tables and folders of images that the search has found."""
        return (
            [str(each) for each in (*self.found.tables, *self.found.images)] if self.found else []
        )
