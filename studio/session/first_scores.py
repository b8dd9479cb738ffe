"""The scores of a first screen: those that a zoo ships, each until this computer has its own.

What is computed here always wins, and what is shown of the zoo's file is named as such.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.measure.intervals import Score
from studio.recipe import Recipe
from studio.session.results import Results
from studio.session.shipped import Shipped, departures


@dataclass(frozen=True)
class FirstScores:
    """What a page shows of a recipe and of what no recipe changes.

    Attributes:
        scores: of the recipe.
        experts: each task by its own checkpoint.
        head_only: the base with heads fitted on it.
        base: the base with the experts' heads.
        shipped: which of these four hold a score that was not computed here.
        departed: where the zoo's scores are not those of this computer, a sentence; or empty.
    """

    scores: Mapping[str, Score]
    experts: Mapping[str, Score]
    head_only: Mapping[str, Score]
    base: Mapping[str, Score]
    shipped: frozenset[str] = frozenset()
    departed: str = ""


def first_scores(results: Results, shipped: Shipped | None, recipe: Recipe) -> FirstScores:
    """What is known of a recipe, completed with what the zoo ships.

    Args:
        results: what was computed here.
        shipped: what the zoo ships, if anything.
        recipe: that is shown.
    """
    known = results.evaluation(recipe)
    computed: dict[str, Mapping[str, Score]] = {
        "scores": results.scores(recipe), "experts": dict(results.experts),
        "head_only": dict(results.head_only), "base": dict(results.base),
    }  # fmt: skip
    if shipped is None:
        return _made(computed)
    shown, lent = dict(computed), set()
    starts = recipe.digest == shipped.recipe
    if starts and not (known and known.seen):
        shown["scores"] = dict(shipped.scores)
        lent.add("scores")
    for kind in ("experts", "head_only", "base"):
        shown[kind] = {**getattr(shipped, kind), **computed[kind]}
        if set(shown[kind]) != set(computed[kind]):
            lent.add(kind)
    exact = ["scores"] if starts and known and known.done else []
    exact += ["experts", "head_only", "base"] if results.references_done else []
    apart = {kind: departures(getattr(shipped, kind), computed[kind]) for kind in exact}
    return _made(shown, frozenset(lent), _sentence(apart))


def _made(
    of: Mapping[str, Mapping[str, Score]], shipped: frozenset[str] = frozenset(), departed: str = ""
) -> FirstScores:
    kinds = of["scores"], of["experts"], of["head_only"], of["base"]
    return FirstScores(*kinds, shipped, departed)


_OF = {
    "scores": "", "experts": " (expert alone)", "head_only": " (head-only)", "base": " (base)",
}  # fmt: skip


def _sentence(apart: Mapping[str, Mapping[str, str]]) -> str:
    found = [f"{name}{_OF[kind]} {words}" for kind, own in apart.items()
             for name, words in own.items()]  # fmt: skip
    if not found:
        return ""
    return (
        "The scores that this zoo ships are not those of this computer, by more than rounding: "
        f"{'; '.join(found)}. Those computed here are shown."
    )
