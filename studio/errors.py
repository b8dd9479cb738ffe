"""Errors shown to people: what is wrong, with names and numbers, then what to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Self, TypeVar

_LONGEST = 2000
_MOST_LISTED = 50
Made = TypeVar("Made")


class Remedy(Enum):
    """What helps where each front end has its own way to it; the value says it for none.

    ``{}`` stands for what the error is about.
    """

    LEAVE_ONE_OUT = "Leave one out, or allow duplicates."
    LEAVE_IT_OUT = "Leave it out, or allow duplicates."
    LET_IT_IN = "Leave it out, or let it in again, which is written into the log."
    REBUILD = "Unmerge exactly, which merges the other tasks anew."
    NAME_BASE = "Name the model that all of them were made from."
    GIVE_ROWS = "Give a zoo that has this recipe's tasks and their validation rows."
    ADD_ROOT = "Restart it with a further root to add another."
    FOLLOW_LINKS = "Copy the file itself there, or allow links into {}."
    CHOOSE_DEVICE = "use auto, or one of {}."
    GO_ONLINE = "Start it again with the network allowed."
    FEWER_AT_ONCE = "set rows at once to {}; the result is the same up to rounding."
    DROP_LEAKS = "Give one file, from which both are drawn, or leave these rows out of one."
    TAKE_COLUMN = "Its column {!r} holds them: choose it, or rename the labels."
    NAME_LABELS = (
        "Give the labels in the order of its head: that of the training, for most trainers the "
        "order of the alphabet."
    )
    NO_GROUP = "Choose no column for the group, or fill it in every row."
    GUESS_COLUMNS = "Choose another column, or have them guessed."
    LEAVE_TASK_OUT = "Leave '{}' out."
    UNTICK = "Leave '{0}' out of the merge, or give it rows."
    WITHOUT_ROWS = "Take it without rows."
    READ_ROWS = "Have its rows read."


class Names(tuple[str, ...]):
    """Several names that a remedy is about, as one."""

    def __str__(self) -> str:
        return ", ".join(self)


class StudioError(Exception):
    """A sentence for the user; everything else that is raised is a bug.

    It quotes what strangers wrote: characters that a terminal would obey become escapes, and
    the middle of a very long sentence is left out.

    Args:
        problem: what is wrong, and what to do if that is the same in every front end.
        remedy: what to do, if that is not.
        about: what the remedy's words speak of.
    """

    def __init__(self, problem: str, remedy: Remedy | None = None, about: object = "") -> None:
        if len(problem) > _LONGEST:
            problem = f"{problem[: _LONGEST // 2]} … {problem[-_LONGEST // 4 :]}"
        self.problem = visible(" ".join(problem.splitlines()))
        self.remedy = remedy
        self.about = about
        super().__init__(self.told({}))

    def told(self, words: Mapping[Remedy, str]) -> str:
        """The sentence, with what to do as a front end puts it, if it has words of its own."""
        if self.remedy is None:
            return self.problem
        return f"{self.problem} {words.get(self.remedy, self.remedy.value).format(self.about)}"

    def bare(self) -> Self:
        """The same error without the frames that it came through, and what they hold."""
        return type(self)(self.problem, self.remedy, self.about)

    def within(self, where: str) -> Self:
        """The same error, said of a place."""
        return type(self)(f"{where}: {self.problem}", self.remedy, self.about)

    def helped(self, remedy: Remedy, about: object = "") -> Self:
        """The same error with what to do, unless it says that itself."""
        if self.remedy is not None:
            return self
        return type(self)(self.problem, remedy, about)

    def each(self) -> "Sequence[StudioError]":
        """The errors that this one is made of."""
        return (self,)


def visible(text: str) -> str:
    """``text`` with every character that cannot be seen written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


class SeveralProblems(StudioError):
    """Several errors as one sentence; each keeps what a front end says of it.

    Args:
        what: has them.
        found: the errors, at least two.
    """

    def __init__(self, what: str, found: Sequence[StudioError]) -> None:
        self.what = what
        self.found = tuple(found)
        super().__init__(self.told({}))

    def told(self, words: Mapping[Remedy, str]) -> str:
        """The sentences with their numbers, with what to do as a front end puts it."""
        first = self.found[:_MOST_LISTED]
        listed = " ".join(f"({n}) {each.told(words)}" for n, each in enumerate(first, 1))
        more = len(self.found) - len(first)
        and_more = f" And {more:,} more." if more else ""
        return f"{self.what} has {len(self.found):,} problems: {listed}{and_more}"

    def bare(self) -> Self:
        """The same errors without their frames."""
        return type(self)(self.what, [each.bare() for each in self.found])

    def within(self, where: str) -> Self:
        """The same errors, said of a place."""
        return type(self)(f"{where}: {self.what}", self.found)

    def helped(self, remedy: Remedy, about: object = "") -> Self:
        """The same errors, each with what to do."""
        return type(self)(self.what, [each.helped(remedy, about) for each in self.found])

    def each(self) -> Sequence[StudioError]:
        """The errors that this one is made of."""
        return self.found


@dataclass
class Findings:
    """Everything that is wrong with one thing: work goes on behind each error.

    Attributes:
        what: it is that has them.
        found: so far.
        several: what lists them.
    """

    what: str
    found: list[StudioError] = field(default_factory=list)
    several: type[SeveralProblems] = SeveralProblems

    def tried(self, work: Callable[[], Made]) -> Made | None:
        """What some work gives; None if it was refused, which is noted."""
        try:
            return work()
        except StudioError as problem:
            self.add(problem)
            return None

    def add(self, problem: StudioError) -> None:
        """Note an error; several in one are noted one by one."""
        self.found.extend(problem.each())

    def refuse(self) -> None:
        """Refuse what has errors.

        Raises:
            StudioError: the one that there is, or a sentence that lists them all.
        """
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise self.several(self.what, self.found)


class BadCheckpoint(StudioError):
    """A folder of weights cannot be read, or is of a kind that is not supported."""


class ShapeMismatch(BadCheckpoint):
    """A checkpoint does not share the base's architecture."""


class NotFinite(BadCheckpoint):
    """A tensor holds NaN or infinity."""


class NothingToMerge(StudioError):
    """A delta is zero, a copy of another one, or lies in the span of the others."""


class BadRecipe(StudioError):
    """A recipe names an unknown method, option or key, or holds an impossible value."""


class BadState(StudioError):
    """The state of a sequence is damaged or of another base, or cannot take a checkpoint."""


class BadZoo(StudioError):
    """A zoo file is incomplete or names something that does not exist."""


class SeveralBadInRecipe(SeveralProblems, BadRecipe):
    """A recipe file has several mistakes."""


class SeveralBadInZoo(SeveralProblems, BadZoo):
    """A zoo file has several mistakes."""


class BadData(StudioError):
    """A data file, a label list or a head does not fit its task."""


class OutputExists(StudioError):
    """The output folder is there already; nothing is ever overwritten."""


class NotAllowed(StudioError):
    """The request leaves the folders, or the network rule, that the studio was started with."""


class BadRemote(StudioError):
    """The Hub does not have it, does not show it, or answers with what cannot be trusted."""


class Cancelled(StudioError):
    """The user stopped a long job; nothing was written."""


class BadLedger(StudioError):
    """The ledger was edited, cut or rolled back, or cannot be used."""


class BadCertificate(StudioError):
    """A certificate, signature or key cannot be read, or does not fit what it speaks of."""


def some(items: Sequence[str], most: int = 5) -> str:
    """The first of many names, for a sentence."""
    return ", ".join(items[:most]) + (", …" if len(items) > most else "")
