"""A browser's ranked table: its mix, the pinned one, and what was tried on the same rows."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from studio.compare.ranking import Ranking, Tried, model_key, rank
from studio.errors import BadRecipe
from studio.measure.evaluate import Evaluation
from studio.measure.outcomes import Outcome
from studio.session.context import Context
from studio.session.mix import Mix, mix_of_recipe
from studio.session.mix_words import mix_words

_NAMES = {"mine": "Your mix", "pinned": "The pinned mix", "both": "Your mix, pinned"}


class Rankings:
    """The part of a session that ranks what was tried.

    The own mix stands in the table as it was when it was last at rest, so that nothing in the
    table changes its place while a slider moves.

    Args:
        context: of the session.
        pinned: the mix that the shown one is compared with.
    """

    def __init__(self, context: Context, pinned: Callable[[], Mix]) -> None:
        self._context, self._pinned = context, pinned
        self._rested: dict[str, Tried] = {}
        self._ranking: tuple[object, Ranking] = (None, Ranking(()))

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Those that have held-out rows; nothing can be ranked without any."""
        return self._context.bench.scored()

    @property
    def key(self) -> object:
        """What the table depends on."""
        own = tuple((each.key, each.outcome is not None) for each in self._own())
        results = self._context.worker.results
        experts = len(results.experts), results.references_done
        return own, self._context.tried.version, experts, self.moving

    @property
    def moving(self) -> bool:
        """Whether the mix is another than the one in the table, since it is not measured yet."""
        now = model_key(self._context.current().recipe(self._context.zoo))
        return "mine" in self._rested and self._rested["mine"].key != now

    @property
    def ranking(self) -> Ranking:
        """The table; computed once for what it depends on."""
        key = self.key
        if self._ranking[0] != key:
            own = self._own()
            known = {each.key for each in own}
            others = [each for each in self._context.tried.all if each.key not in known]
            experts = dict(self._context.worker.results.experts)
            every = {*self.tasks} <= {*experts}  # else the worst of some would be called the worst
            self._ranking = key, rank([*own, *others], experts if every else {})
        return self._ranking[1]

    def use(self, key: object) -> None:
        """Show a row's recipe in the mixer; undo brings the mix before it back.

        Raises:
            BadRecipe: there is no such row, or sliders cannot show it.
            NotAllowed: a task of it was certified as removed.
        """
        chosen = [row.tried for row in self.ranking.rows if row.tried.key == key]
        if not chosen:
            raise BadRecipe("The page asked for a row that is not there; reload the page.")
        if key == model_key(self._pinned().recipe(self._context.zoo)):
            self._context.show(self._pinned())
        else:
            self._context.show(mix_of_recipe(chosen[0].recipe, self._context.start))

    def _own(self) -> list[Tried]:
        """The mix that is worked on and the pinned one, as they were when last at rest."""
        mine = self._rest("mine", self._context.current())
        pinned = self._rest("pinned", self._pinned())
        if mine.key != pinned.key:
            return [mine, pinned]
        return [replace(mine, what=_NAMES["both"], own="both")]

    def _rest(self, own: str, mix: Mix) -> Tried:
        recipe = mix.recipe(self._context.zoo)
        kept = self._rested.get(own)
        key = model_key(recipe)
        if kept and kept.key == key and kept.outcome:
            return kept
        results = self._context.worker.results
        known = results.evaluation(recipe)
        done = known and known.done and results.slid != recipe.digest
        outcome = outcome_of(known) if known and done else None
        made = Tried(key, _NAMES[own], mix_words(mix), recipe, outcome, own=own)
        if outcome or kept is None or not kept.outcome:
            self._rested[own] = made
        return self._rested[own]


def outcome_of(known: Evaluation) -> Outcome:
    """An evaluation that is done, as an outcome."""
    marks = {name: known.marks(name) for name in known.parts}
    return Outcome(marks, {name: part.groups for name, part in known.parts.items()})
