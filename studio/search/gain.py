"""What a search was worth: paired changes on the rows that it has seen, and on those it has not."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.measure.bench import Bench
from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import means, means_json
from studio.measure.outcomes import Measuring, paired
from studio.methods.contract import FISHER
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.search.rows import searched_split
from studio.tasks.metric import ACCURACY

SPLITS = ("validation", "held_out")
_NAMES = {"validation": "Validation, seen by the search", "held_out": "Held out"}


@dataclass(frozen=True)
class Gain:
    """The change of scores from one recipe to another, on the same rows.

    Attributes:
        split: whose rows.
        before: scores of the first recipe, by its tasks.
        after: of the second one.
        each: change of every task.
    """

    split: str
    before: Mapping[str, Score]
    after: Mapping[str, Score]
    each: Mapping[str, Change]

    @property
    def change(self) -> Change:
        """Of the mean over tasks; see ``mean_change`` for tasks of several metrics."""
        return mean_change(self.each)

    @property
    def words(self) -> str:
        """One sentence for people."""
        change = self.change
        verdict = {
            "better": "better, beyond noise",
            "worse": "worse, beyond noise",
            "cannot tell": "within noise: no difference can be told",
        }[change.verdict]
        pairs = list(zip(means(self.before), means(self.after), strict=True))
        named = len(pairs) > 1 or any(old.metric is not ACCURACY for old, _ in pairs)
        said = " and ".join(
            f"{f'{old.name} ' if named else ''}{old.shown} to {new.shown}" for old, new in pairs
        )
        return (
            f"{_NAMES[self.split]}: {said}, {change_words(self.each)} (n={change.n:,}): {verdict}."
        )

    def plain(self) -> dict:
        """As JSON."""
        change, both = self.change, (means(self.before), means(self.after))
        before, after = (found[0].value if len(found) == 1 else None for found in both)
        apart = {"means": {"before": means_json(self.before), "after": means_json(self.after)}}
        return {
            "before": before, "after": after,
            "change": change.mean, "half": change.half, "n": change.n, "verdict": change.verdict,
            "tasks": {name: _each(own) for name, own in self.each.items()},
        } | (apart if before is None else {}) | change.named  # fmt: skip


def gains(
    bench: Bench, before: Recipe, after: Recipe, progress: Progress = silent
) -> tuple[Gain, ...]:
    """On all labelled rows of both splits; a split of which some task has none is left out.

    Of validation rows those that experts were measured on are left out, too.

    Args:
        bench: the zoo, opened; its live model is worn.
        before: a recipe.
        after: another one of the same tasks.
        progress: told the share done; may raise to stop.
    """
    wanted = {SPLITS[0]: searched_split(after, float(_held_by_fisher(after))), SPLITS[1]: SPLITS[1]}
    splits = [
        split
        for split, rows in wanted.items()
        if all(bench.tasks[name].labelled(rows) for name in before.names)
    ]
    found = []
    for place, split in enumerate(splits):
        both = []
        for side, recipe in enumerate((before, after)):
            at = (2 * place + side) / (2 * len(splits))
            report = part(progress, at, at + 0.5 / len(splits))
            heads = bench.heads(before.names)
            both.append(Measuring(bench, report).of(bench.merge(recipe), heads, wanted[split]))
        each = paired(both[1], both[0])
        found.append(Gain(split, both[0].scores, both[1].scores, each))
    return tuple(found)


def _held_by_fisher(recipe: Recipe) -> bool:
    """Whether the search for its numbers measured the Fisher information of the experts."""
    return recipe.fitted is not None and FISHER in recipe.fitted.used


def _each(change: Change) -> dict:
    found = {"change": change.mean, "half": change.half, "n": change.n}
    return found | change.named
