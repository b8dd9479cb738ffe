"""The history of mixes: every mix that came to rest, with its scores, a name, and when it was."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from studio.compare.ranking import model_key
from studio.errors import BadRecipe
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.measure.metrics import Mean, means
from studio.measure.outcomes import Measuring, Outcome, paired
from studio.session.context import Context
from studio.session.mix import Mix
from studio.session.mix_words import numbers_words, options_words
from studio.session.rankings import outcome_of

MOST = 200  # mixes; the oldest go first
_REST = 0.7  # seconds without a move, after which a mix has come to rest
_LONGEST_NAME = 80  # letters


@dataclass(frozen=True)
class LoggedMix:
    """A mix that came to rest.

    Attributes:
        number: from 1, in the order in which they came.
        when: seconds since 1970.
        mix: as it was.
        key: see ``model_key``.
        scores: on all held-out rows, by task.
        name: that somebody gave it; empty for none.
    """

    number: int
    when: float
    mix: Mix
    key: str
    scores: dict[str, Score]
    name: str = ""

    @property
    def title(self) -> str:
        """Its name, or its number."""
        return self.name or f"mix {self.number}"

    @property
    def numbers(self) -> str:
        """Coefficients and options in a few words."""
        options = options_words(self.mix)
        return f"{numbers_words(self.mix)}, {options}" if options else numbers_words(self.mix)

    @property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        return means(self.scores)


class MixLog:
    """The part of a session that remembers mixes; it goes with the session and is never written.

    Args:
        context: of the session.
        pin: compares with a mix from now on.
        clock: seconds since 1970.

    Attributes:
        entries: the first that came first.
        version: changes whenever one comes or is named.
    """

    def __init__(
        self, context: Context, pin: Callable[[Mix], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._context, self._pin, self._clock = context, pin, clock
        self._shown: Mix | None = None
        self._logged: Mix | None = None
        self._since = 0.0
        self._count = 0
        self.entries: tuple[LoggedMix, ...] = ()
        self.version = 0

    def watch(self) -> None:
        """Look at the mix that is worked on; the one before it was at rest if it lay long enough.

        Called at every move and every look, holding the session's lock.
        """
        now, current = self._clock(), self._context.current()
        rested = self._shown is not None and now - self._since >= _REST
        if self._shown is not None and rested and self._shown != self._logged:
            self._log(self._shown, self._since)
        if current != self._shown:
            self._shown, self._since = current, now

    def entry(self, number: object) -> LoggedMix:
        """A mix by its number.

        Raises:
            BadRecipe: there is none.
        """
        for each in self.entries:
            if each.number == number:
                return each
        raise BadRecipe("The page asked for a mix that is not there any more; open History again.")

    def rename(self, number: object, name: object) -> None:
        """Call a mix something.

        Raises:
            BadRecipe: there is no such mix.
        """
        chosen = self.entry(number)
        words = " ".join(str(name or "").split())[:_LONGEST_NAME]
        self.entries = tuple(
            replace(each, name=words) if each is chosen else each for each in self.entries
        )
        self.version += 1

    def restore(self, number: object) -> None:
        """Work on a mix again; undo brings the one before back.

        Raises:
            BadRecipe: there is no such mix.
            NotAllowed: a task of it was certified as removed.
        """
        self._context.show(self.entry(number).mix)

    def pin(self, number: object) -> None:
        """Compare the mixer with a mix from now on.

        Raises:
            BadRecipe: there is no such mix.
            NotAllowed: a task of it was certified as removed.
        """
        self._pin(self.entry(number).mix)

    def compare(self, first: object, second: object) -> dict[str, Change]:
        """Paired change of every task from one mix to another.

        Raises:
            BadRecipe: there are no such mixes, or they are one.
            StudioError: their answers to single rows are not known any more.
        """
        if first == second:
            raise BadRecipe("Choose two mixes to compare.")
        old, new = (self._outcome(self.entry(number)) for number in (first, second))
        return paired(new, old)

    def _log(self, mix: Mix, when: float) -> None:
        results, recipe = self._context.worker.results, mix.recipe(self._context.zoo)
        known = results.evaluation(recipe)
        if known is None or not known.done or results.slid == recipe.digest:
            return
        self._logged, key = mix, model_key(recipe)
        if any(each.key == key for each in self.entries):
            return
        self._count += 1
        made = LoggedMix(self._count, when, mix, key, known.scores())
        self.entries = (*self.entries, made)[-MOST:]
        self.version += 1

    def _outcome(self, entry: LoggedMix) -> Outcome:
        recipe, bench = entry.mix.recipe(self._context.zoo), self._context.bench
        known = self._context.worker.results.evaluation(recipe)
        if known and known.done:
            return outcome_of(known)
        heads = bench.heads(bench.scored())
        if found := Measuring(bench).recalled(bench.merge(recipe), heads, "held_out"):
            return found
        raise BadRecipe(
            f"What {entry.title} answered row by row is not at hand any more; restore it, wait for "
            "its score, then compare."
        )
