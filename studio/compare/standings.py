"""Standings: each row of a comparison against its rivals, the experts, the floor and the base."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import Mean, gain_kept, means, means_words, worth
from studio.measure.outcomes import Outcome, paired
from studio.measure.references import References
from studio.methods import METHODS, method
from studio.recipe import Recipe
from studio.tasks.metric import ACCURACY

TUNED, CALIBRATED, HEADS = " (tuned)", " + calibrated", " + heads"


def fit_words(recipe: Recipe) -> str:
    """What stands behind the name of a mix that is fitted to its experts; empty if it is not."""
    return (CALIBRATED if recipe.calibrate else "") + (HEADS if recipe.heads else "")


@dataclass(frozen=True)
class MethodRow:
    """One recipe of a comparison.

    Attributes:
        name: of the method, with ' (tuned)' behind it if its scale was searched, and then
            ' + calibrated' if its layers are fitted afterwards, and ' + heads' if its heads are;
            of a mix of somebody's own, what it is called.
        recipe: with which it was merged.
        factor: the scale on everything it adds, against its default.
        held_out: its outcome; None if it was refused.
        validation: its outcome on validation rows; None if there are none.
        agreement: with the tasks' experts on the same rows; None if there are none.
        refusal: why it cannot be merged; empty if it can.
        own: whether it is a mix of somebody's own, which competes with the methods but is no
            rival of theirs: it may have been chosen on these rows.
    """

    name: str
    recipe: Recipe
    factor: float = 1.0
    held_out: Outcome | None = None
    validation: Outcome | None = None
    agreement: Outcome | None = None
    refusal: str = ""
    own: bool = False

    @property
    def tuned(self) -> bool:
        """Whether its scale was searched."""
        return not self.own and TUNED in self.name

    @property
    def title(self) -> str:
        """What it is called, for people."""
        if self.own:
            return f"{self.name[0].upper()}{self.name[1:]}"
        more = (TUNED if self.tuned else "") + fit_words(self.recipe)
        return METHODS[self.recipe.method].title + more

    @property
    def needs(self) -> str:
        """What it measures on validation rows; empty for nothing."""
        heads = "heads" if self.recipe.heads else ""
        fits = "calibration" if self.recipe.calibrate else heads
        return method(self.recipe.method, self.recipe.options).measures or fits

    @property
    def ordered(self) -> bool:
        """Whether the order of the tasks changes the merge."""
        return method(self.recipe.method, self.recipe.options).ordered


@dataclass(frozen=True)
class Standing:
    """A merged row with everything that it is compared with.

    Attributes:
        row: that could be merged.
        outcome: its outcome on held-out rows.
        scores: of the tasks.
        rival: the best row of another method and the change of the mean from it; None if alone.
        floor: change of the mean from not merging.
        gain: share of the experts' gain over head-only that is kept; None if not known.
        worst: the task that loses most against its expert, and that change.
        general: per set of general rows, its score and the change from the base.
    """

    row: MethodRow
    outcome: Outcome
    scores: dict[str, Score]
    rival: tuple[str, Change] | None
    floor: Change
    gain: float | None
    worst: tuple[str, Change]
    general: dict[str, tuple[Score, Change]]

    @property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        return means(self.scores)

    @property
    def worth(self) -> float:
        """By what rows are ranked: higher is better."""
        return worth(self.scores)

    @property
    def worse_than_not_merging(self) -> bool:
        """Whether it lies below the floor by more than noise."""
        return self.floor.verdict == "worse"


@dataclass(frozen=True)
class Proposal:
    """The row that agrees most with the experts, on validation rows that nothing was measured on.

    Attributes:
        row: the winner.
        rival: the best row of another method; None if there is none.
        change: of the mean from the rival to the winner, on those rows.
        said: the same in words, metric by metric.
        floor: of the mean from not merging to the winner, on those rows; None if not known.
    """

    row: MethodRow
    rival: MethodRow | None
    change: Change | None
    said: str = ""
    floor: Change | None = None

    @property
    def worse_than_not_merging(self) -> bool:
        """Whether no row agrees with the experts as much as not merging does."""
        return self.floor is not None and self.floor.gain < 0

    @property
    def beyond_noise(self) -> bool:
        """Whether the rival is beaten by more than the interval allows for."""
        if self.worse_than_not_merging:
            return False
        return self.change is not None and self.change.verdict == "better"

    @property
    def words(self) -> str:
        """One sentence, and a second one where it was tuned on the same rows."""
        found = self.row.agreement
        assert found is not None
        if self.worse_than_not_merging and self.floor:
            return (
                f"No method is proposed: even {self.row.title}, the best on validation rows "
                f"({_mean_words(found)}), does worse there than not merging "
                f"({self.floor.words}, paired)."
            )
        rows = sum(score.n for score in found.scores.values())
        won = f"{self.row.title} wins on validation rows ({_mean_words(found)}, n={rows:,})"
        if self.rival is None or self.change is None:
            return f"{won}; no other method was merged that it could be compared with."
        against = f"{self.said or self.change.words} against {self.rival.title}, paired"
        if self.beyond_noise:
            said = f"{won}: {against}, which is beyond noise."
        else:
            said = f"{won}, but this is a tie: {against}; these rows cannot tell them apart."
        if self.row.tuned or self.rival.tuned:
            said += " Tuned scales were chosen on these same rows, which flatters them a little."
        said += " No label chose."
        measured = [each.title for each in (self.row, self.rival) if each.needs]
        if measured:
            said += f" {' and '.join(measured)} measured the experts on other validation rows."
        return said


def standing(row: MethodRow, rows: Sequence[MethodRow], references: References) -> Standing:
    """Where a merged row stands among others."""
    assert row.held_out is not None
    own = row.held_out.only(references.tasks)
    methods = [other for other in rows if not other.own]
    rival = _best([x for x in methods if row.own or x.recipe.method != row.recipe.method])
    losses = paired(own, references.experts)
    worst = min(losses, key=lambda name: losses[name].relative.gain)
    gain = None
    if references.head_only:
        gain = _gain(own, references.experts, references.head_only)
    return Standing(
        row=row,
        outcome=row.held_out,
        scores=own.scores,
        rival=(rival.name, _change(own, rival.held_out)) if rival and rival.held_out else None,
        floor=_change(own, references.floor[1]),
        gain=gain,
        worst=(worst, losses[worst]),
        general=general(row.held_out, references),
    )


def general(outcome: Outcome, references: References) -> dict[str, tuple[Score, Change]]:
    """General rows: score, and change from the base."""
    rest = {n: x for n, x in outcome.marks.items() if n not in references.tasks}
    changes = paired(outcome.only(rest), references.base)
    return {name: (outcome.scores[name], change) for name, change in changes.items()}


def propose(rows: Sequence[MethodRow], floor: Outcome | None = None) -> Proposal | None:
    """The row that agrees most with the experts; None if no row was asked.

    Args:
        rows: of a comparison.
        floor: what not merging agrees, on the same rows.
    """
    known = [row for row in rows if row.agreement]
    if not known:
        return None
    winner = max(known, key=lambda row: _worth(row.agreement))
    least = _change(winner.agreement, floor) if winner.agreement and floor else None
    others = [row for row in known if row.recipe.method != winner.recipe.method]
    if not others:
        return Proposal(winner, None, None, floor=least)
    rival = max(others, key=lambda row: _worth(row.agreement))
    assert winner.agreement is not None
    assert rival.agreement is not None
    each = paired(winner.agreement, rival.agreement)
    return Proposal(winner, rival, mean_change(each), change_words(each), least)


def _gain(own: Outcome, experts: Outcome, floor: Outcome) -> float | None:
    """Gain kept; not for a single task whose gain may be none at all."""
    if len(own.scores) == 1:
        gains = paired(experts, floor)
        if any(change.verdict == "cannot tell" for change in gains.values()):
            return None
    return gain_kept(own.scores, experts.scores, floor.scores)


def _best(rows: Sequence[MethodRow]) -> MethodRow | None:
    """Of the best mean on held-out tasks; general rows are never part of it."""
    known = [row for row in rows if row.held_out]
    return max(known, key=lambda row: _worth(row.held_out, _tasks(row)), default=None)


def _tasks(row: MethodRow) -> tuple[str, ...]:
    return row.recipe.names


def _worth(outcome: Outcome | None, names: tuple[str, ...] | None = None) -> float:
    assert outcome is not None
    scores = outcome.scores
    return worth({n: s for n, s in scores.items() if names is None or n in names})


def _mean_words(outcome: Outcome) -> str:
    """The mean, by its name unless it is the accuracy alone."""
    found = means(outcome.scores)
    alone = len(found) == 1 and found[0].metric is ACCURACY
    return found[0].shown if alone else means_words(outcome.scores)


def _change(new: Outcome, old: Outcome | None) -> Change:
    assert old is not None
    return mean_change(paired(new, old))
