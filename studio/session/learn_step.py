"""What a step of a lesson is: words, a mix to set, a question, and what a try has shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from studio.lesson.removal import BroughtBack
from studio.measure.change import Change, mean_change
from studio.measure.intervals import Score
from studio.session.mix import Mix

BETTER = ("It gets better", "No clear change", "It gets worse")
"""What somebody can expect of a score."""
_VERDICTS = {"better": 0, "cannot tell": 1, "worse": 2}


@dataclass(frozen=True)
class Tried:
    """What a page shows while somebody tries, as a check sees it.

    Attributes:
        mix: that is shown.
        scores: of a mix, by task; empty until every row was seen.
        changes: from one mix to another, by task; empty until both have seen every row.
        attack: what it has brought back; None before.
    """

    mix: Mix
    scores: Callable[[Mix], Mapping[str, Score]]
    changes: Callable[[Mix, Mix], Mapping[str, Change]]
    attack: BroughtBack | None = None


@dataclass(frozen=True)
class Outcome:
    """What a try has shown.

    Attributes:
        right: place of the choice that was right; None while it is not known.
        words: what was found and why, or what is still to do.
        tried: whether somebody has tried.
    """

    right: int | None
    words: str
    tried: bool = True


@dataclass(frozen=True)
class Step:
    """One step of a lesson, on the numbers of one zoo.

    Attributes:
        title: a few words.
        words: paragraphs.
        formula: what is said here, exactly, and where it is from.
        mix: that the step sets; None where the zoo lacks something.
        points: tasks to look at; also 'headline' and 'options'.
        task: what is to be tried, in one sentence.
        question: what happens then.
        choices: what somebody can expect.
        check: what a try has shown.
        lacks: what this zoo lacks, so that the question cannot be answered; or empty.
    """

    title: str
    words: tuple[str, ...]
    formula: str
    mix: Mix | None
    points: tuple[str, ...]
    task: str
    question: str
    choices: tuple[str, ...]
    check: Callable[[Tried], Outcome]
    lacks: str = ""


def missing(title: str, lacks: str) -> Step:
    """A step that a zoo cannot show."""
    return Step(title, (), "", None, (), "", "", (), lambda tried: not_yet(""), lacks)


def not_yet(words: str) -> Outcome:
    """Nobody has tried yet."""
    return Outcome(None, words, tried=False)


def coming(tried: Tried, first: Mix) -> Outcome:
    """It was tried, and is being scored; or there is nothing to compare it with.

    Args:
        tried: what the page shows.
        first: the mix of the step.
    """
    if not tried.scores(first):
        return not_yet("Press Set the mixer, wait until its bars are full, and then try.")
    return Outcome(None, "Tried. The rows are being scored …")


def of_change(change: Change, words: str) -> Outcome:
    """What a paired change says of ``BETTER``.

    Args:
        change: of one task, or of a mean.
        words: what to understand from it.
    """
    return Outcome(_VERDICTS[change.verdict], f"Measured: {said(change)}. {words}")


def said(change: Change) -> str:
    """A paired change with its rows, for people."""
    return f"{change.verdict}, {change.words}, n={change.n:,}"


def mean_of(changes: Mapping[str, Change]) -> Change:
    """The change of the mean; there is one at least."""
    return mean_change(changes)


def worst_of(changes: Mapping[str, Change]) -> str:
    """The task that loses most."""
    return min(changes, key=lambda name: changes[name].relative.gain)
