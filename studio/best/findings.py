"""Findings: the trials of a search for the best with their scores, and what it has come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.best.judge import AGREES
from studio.best.trials import NOT_MERGING, Trial
from studio.measure.change import Change, change_words, mean_change
from studio.measure.marks import Marks
from studio.measure.metrics import Mean, gain_kept, means, means_words, worth
from studio.measure.outcomes import Outcome, paired
from studio.recipe import Recipe


@dataclass(frozen=True)
class Tried:
    """A trial that was judged.

    Attributes:
        trial: what was tried.
        recipe: that was merged, with coefficients that were found; None for not merging.
        outcome: on the rows that decide, so far; None if it was refused.
        seconds: that it took, all in all.
        level: the last one that it has reached, from 0.
        refusal: why it cannot be merged; empty if it can.
    """

    trial: Trial
    recipe: Recipe | None
    outcome: Outcome | None
    seconds: float
    level: int
    refusal: str = ""

    @property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        return means(self.outcome.scores) if self.outcome else ()

    @property
    def rows(self) -> int:
        """Questions that it was judged by."""
        return sum(mean.n for mean in self.means)


@dataclass(frozen=True)
class HeldOut:
    """What was found, on rows that have chosen nothing.

    Attributes:
        best: the best merge that was found.
        floor: not merging, and what that is called.
        rival: the best single rival; None if it is the best merge itself, or there is none.
        experts: each task by its own checkpoint.
    """

    best: Outcome
    floor: tuple[str, Outcome]
    rival: Outcome | None
    experts: Outcome

    @property
    def against_floor(self) -> dict[str, Change]:
        """Paired change of every task from not merging to the best merge."""
        return paired(self.best, self.floor[1])

    @property
    def against_rival(self) -> dict[str, Change]:
        """Likewise, from the best single rival; empty without one."""
        return paired(self.best, self.rival) if self.rival else {}

    @property
    def gain(self) -> float | None:
        """Share of the experts' gain over not merging that the best merge keeps."""
        scores = self.best.scores
        return gain_kept(scores, self.experts.scores, self.floor[1].scores)


@dataclass(frozen=True)
class Findings:
    """A search for the best, as far as it has come.

    Attributes:
        zoo: its name.
        criterion: by what trials are ranked, see ``CRITERIA``.
        plan: rows per task of each level.
        level: the one that is at work or was last, from 0.
        complete: the last level all of whose trials were judged; -1 for none.
        tried: in the order in which they were begun.
        held_out: once it is measured; None before, and where there are no such rows.
        left: what the budget did not reach, a few words each.
        ended: whether nothing more comes.
        recalled: how many trials were known from before.
    """

    zoo: str
    criterion: str = AGREES
    plan: tuple[int, ...] = ()
    level: int = 0
    complete: int = -1
    tried: tuple[Tried, ...] = ()
    held_out: HeldOut | None = None
    left: tuple[str, ...] = ()
    ended: bool = False
    recalled: int = 0

    @property
    def ranked(self) -> tuple[Tried, ...]:
        """Those that were judged: who came further first, and then the better."""
        known = [each for each in self.tried if each.outcome]
        return tuple(sorted(known, key=lambda each: (-each.level, -_worth(each))))

    @property
    def refusals(self) -> dict[str, str]:
        """Why trials could not be merged, by what they are."""
        return {each.trial.what: each.refusal for each in self.tried if each.refusal}

    @property
    def floor(self) -> Tried | None:
        """Not merging, once it is judged."""
        return next((each for each in self.tried if each.trial == NOT_MERGING), None)

    @property
    def best(self) -> Tried | None:
        """The best merge of the last complete level, be it better than not merging or not."""
        return self._first(lambda each: each.recipe is not None)

    @property
    def rival(self) -> Tried | None:
        """The best single rival of the same level."""
        return self._first(lambda each: each.trial.rival)

    @property
    def winner(self) -> Tried | None:
        """The best merge, if it beats not merging by more than its interval; else None."""
        change = self.change
        return self.best if change is not None and change.verdict == "better" else None

    @property
    def change(self) -> Change | None:
        """Of the mean, from not merging to the best merge, on the rows that decide."""
        each = self.against_floor(self.best) if self.best else {}
        return mean_change(each) if each else None

    def against_floor(self, tried: Tried) -> dict[str, Change]:
        """Paired change of every task from not merging, on the rows that both were judged by."""
        floor = self.floor
        if not floor or not floor.outcome or not tried.outcome or tried is floor:
            return {}
        return paired(*_same_rows(tried.outcome, floor.outcome))

    def _first(self, wanted: Callable[[Tried], bool]) -> Tried | None:
        """The best of the trials that came as far as the last complete level, on its rows."""
        at = max(self.complete, 0)
        found = [(x, x.outcome) for x in self.tried if x.level >= at and x.outcome]
        if not found:
            return None
        names = found[0][1].marks
        counts = {name: min(len(own.marks[name]) for _, own in found) for name in names}
        values = {id(x): worth(_first_of(own, counts).scores) for x, own in found}
        return max((x for x, _ in found if wanted(x)), key=lambda x: values[id(x)], default=None)


def verdict(found: Findings) -> tuple[str, ...]:
    """What a search has come to, a sentence each."""
    best, change = found.best, found.change
    if best is None or change is None or best.outcome is None:
        said = "No merge was judged beside not merging, so nothing can be said yet."
        return (said, *_left(found))
    on = f"on the {best.rows:,} validation rows that decide"
    against = change_words(found.against_floor(best))
    score = f"{best.trial.what}: {means_words(best.outcome.scores)}"
    if found.winner:
        said = [f"The best found is {score} {on}, {against} against not merging, paired."]
    else:
        said = [
            f"Nothing beats not merging by more than its interval {on}: the best merge found is "
            f"{score}, {against} against not merging. What this zoo wants is its experts apart."
        ]
    return (*said, *_held_out(found, best), *_left(found))


def _held_out(found: Findings, best: Tried) -> Sequence[str]:
    held = found.held_out
    if held is None:
        return ()
    n = sum(score.n for score in held.best.scores.values())
    name, _ = held.floor
    floor = held.against_floor
    said = [
        f"On n={n:,} held-out rows, which chose nothing, it has {_means(held.best)}, "
        f"{change_words(floor)} against not merging ({name}), paired"
        f"{_gain(held)}."
    ]
    if mean_change(floor).verdict != "better" and found.winner:
        said.append("There it is not beyond noise that it beats not merging: do not rely on it.")
    if held.rival and found.rival:
        said.append(_rival(found.rival, held))
    elif best.trial.rival:
        said.append("It is itself the best single rival: nothing that was added to one was better.")
    return said


def _rival(rival: Tried, held: HeldOut) -> str:
    change = mean_change(held.against_rival)
    told = {"better": "beyond noise ahead of it", "worse": "beyond noise behind it"}
    against = change_words(held.against_rival)
    return (
        f"The best single rival, {rival.trial.what}, has {_means(held.rival)} there; the best "
        f"found is {told.get(change.verdict, 'not told apart from it')} ({against})."
    )


def _left(found: Findings) -> Sequence[str]:
    if not found.left:
        return ()
    return (f"The budget did not reach: {'; '.join(found.left)}.",)


def _gain(held: HeldOut) -> str:
    return "" if held.gain is None else f", which keeps {held.gain:.0%} of the experts' gain"


def _means(outcome: Outcome | None) -> str:
    assert outcome is not None
    return ", ".join(f"{mean.name} {mean.words}" for mean in means(outcome.scores))


def _worth(tried: Tried) -> float:
    assert tried.outcome is not None
    return worth(tried.outcome.scores)


def _same_rows(one: Outcome, other: Outcome) -> tuple[Outcome, Outcome]:
    """Both on the questions that both were asked: the first of the fair order."""
    counts = {name: min(len(x), len(other.marks[name])) for name, x in one.marks.items()}
    return _first_of(one, counts), _first_of(other, counts)


def _first_of(outcome: Outcome, counts: Mapping[str, int]) -> Outcome:
    marks: dict[str, Marks] = {}
    groups = {}
    for name, count in counts.items():
        own = outcome.groups[name]
        marks[name] = outcome.marks[name].at(np.arange(count))
        groups[name] = None if own is None else own[:count]
    return Outcome(marks, groups)
