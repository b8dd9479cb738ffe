"""Looks at the rows of tasks in the making: what would be written of them, and what is wrong."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.errors import Cancelled, StudioError
from studio.new_zoo.cost import Rows, rows_of
from studio.new_zoo.plan import NewTask, columns_of
from studio.new_zoo.prepare import prepared
from studio.new_zoo.tables import Stamp, Table, read_table, stamp_of
from studio.progress import Progress, part, silent

_KEPT = 24  # tables


@dataclass(frozen=True)
class Draws:
    """How rows are put into splits.

    Attributes:
        seed: of the draws.
        drop_leaks: leave rows of two splits out of all but the held-out one.
    """

    seed: int = 0
    drop_leaks: bool = False


@dataclass(frozen=True)
class Look:
    """What came of a look at a task's rows.

    Attributes:
        notes: what a user should know of them, a sentence each.
        trouble: why they cannot be taken, or None.
        table: the first of the task; None if it has none that can be read.
        columns: by field, the column of that table that is read.
        rows: that there would be; None where they cannot be taken.
        stamps: of its files, by path, as they were read.
    """

    notes: tuple[str, ...] = ()
    trouble: StudioError | None = None
    table: Table | None = field(default=None, repr=False)
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Rows | None = field(default=None, repr=False)
    stamps: Mapping[Path, Stamp] = field(default_factory=dict)

    def changed(self) -> list[Path]:
        """Files that are no longer what was looked at."""
        return [file for file, stamp in self.stamps.items() if stamp_of(file) != stamp]


class RowLooks:
    """Looks at rows, and remembers the tables that it has read for as long as no file changes.

    Args:
        allow: called with a path and a word for it before it is read; raises to forbid it.
    """

    def __init__(self, allow: Callable[[str, str], None]) -> None:
        self._allow = allow
        self._tables: OrderedDict[tuple[Path, Stamp], tuple[int, Table]] = OrderedDict()

    def look(self, task: NewTask, draws: Draws, progress: Progress = silent) -> Look:
        """Read a task's rows and put them into splits, to see whether they can be taken.

        Args:
            task: in the making.
            draws: of its rows.
            progress: told how much was read; raises to stop.
        """
        trouble, notes, rows, read = None, (), None, {}
        stamps = {file: stamp_of(file) for file in task.files.values()}

        def table(file: Path, seed: int) -> Table:
            count = max(len(task.files), 1)
            here = part(progress, len(read) / count, (len(read) + 1) / count)
            read[file] = self.read(file, seed, here)
            progress(len(read) / count, f"'{task.name}': putting its rows into splits")
            return read[file]

        try:
            made = prepared(task, draws.seed, draws.drop_leaks, table)
            notes, rows = made.notes, rows_of(made)
        except Cancelled:
            raise
        except StudioError as problem:
            own = f"'{task.name}'"
            named = problem if own in problem.problem else problem.within(own)
            trouble = named.bare()  # without the rows that its frames hold
        first = next((read[file] for file in task.files.values() if file in read), None)
        return Look(notes, trouble, first, columns_of(task, first) if first else {}, rows, stamps)

    def read(self, file: Path, seed: int, progress: Progress = silent) -> Table:
        """A table, read once for as long as it does not change or need to be drawn anew.

        Raises:
            StudioError: it cannot be read, or is not allowed.
        """
        key = file, stamp_of(file)
        known = self._tables.get(key)
        if known and (known[0] == seed or known[1].total == len(known[1].rows)):
            return known[1]
        self._allow(str(file), "a table")
        table = read_table(file, seed, progress)
        for other in [each for each in list(self._tables) if each[0] == file]:
            self._tables.pop(other, None)
        self._tables[file, table.stamp] = seed, table
        while len(self._tables) > _KEPT:
            self._tables.popitem(last=False)
        return table

    def known(self, task: NewTask) -> Table | None:
        """The first table of a task, if it was read and is still the same."""
        file = next(iter(task.files.values()), None)
        known = self._tables.get((file, stamp_of(file))) if file else None
        return known[1] if known else None

    def columns_in(self, file: Path) -> tuple[str, ...]:
        """The columns of a table that was read; none of one that was not."""
        known = self._tables.get((file, stamp_of(file)))
        return known[1].columns if known else ()

    def forget(self) -> None:
        """Read all tables anew when they are looked at again."""
        self._tables = OrderedDict()
