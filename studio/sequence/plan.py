"""What a sequence run will do: methods, orders and rows, checked and counted before the start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.methods import METHODS, method
from studio.recipe import Recipe
from studio.sequence.orders import Order

SPLIT = "held_out"


@dataclass(frozen=True)
class SequencePlan:
    """Methods of the same n tasks, and the orders in which these arrive.

    Attributes:
        recipes: of all n tasks, by the label that results carry.
        orders: of arrival.
        rows: held-out rows per task, at most; None for all.
        counts: rows that are scored, by task.
        references: rows that base, experts and head-only take beside the models.
    """

    recipes: Mapping[str, Recipe]
    orders: tuple[Order, ...]
    rows: int | None
    counts: Mapping[str, int]
    references: int

    @property
    def tasks(self) -> tuple[str, ...]:
        """The n names in the recipes' order."""
        return next(iter(self.recipes.values())).names

    @property
    def models(self) -> int:
        """Different prefixes of all methods and orders: merged models that may have to be scored.

        What was scored before on this computer, or turns out to be the same model, is not scored
        again.
        """
        count, n = set(), len(self.tasks)
        for recipe in self.recipes.values():
            for order in self.orders:
                count |= {prefix(recipe, order, t).digest for t in range(1, n + 1)}
        return len(count)

    @property
    def row_evaluations(self) -> int:
        """Rows that are run at most: by every model, and by base, experts and head-only."""
        return self.models * sum(self.counts.values()) + self.references


def make_plan(
    bench: Bench, recipes: Mapping[str, Recipe], orders: tuple[Order, ...], rows: int | None = None
) -> SequencePlan:
    """Check a run before anything is computed.

    Raises:
        BadRecipe: no method, an unknown method or option, fewer than two tasks, or no rows.
        BadData: a task has no held-out rows or no head.
    """
    if not recipes:
        raise BadRecipe(f"Name at least one method of {', '.join(METHODS)}.")
    for recipe in recipes.values():
        method(recipe.method, recipe.options)
    names = next(iter(recipes.values())).names
    if len(names) < 2:
        raise BadRecipe(
            f"A sequence needs at least two tasks that arrive one after another; there "
            f"{'is one' if names else 'are none'}."
        )
    if rows is not None and rows < 1:
        raise BadRecipe(f"{rows} rows per task were asked for; at least 1 is needed.")
    if mute := [name for name in names if name not in bench.scored(SPLIT)]:
        raise BadData(
            f"{', '.join(map(repr, mute))}: no head or no held-out rows, so what is forgotten "
            "cannot be measured. Leave out such tasks, or add rows to the zoo file."
        )
    counts = {name: len(bench.tasks[name].rows(SPLIT)) for name in names}
    limited = {name: min(count, rows or count) for name, count in counts.items()}
    fitted = set(bench.fitted_heads(SPLIT))
    extra = sum((3 if name in fitted else 2) * count for name, count in limited.items())
    return SequencePlan(dict(recipes), orders, rows, limited, extra)


def prefix(recipe: Recipe, order: Order, t: int) -> Recipe:
    """The recipe of the first t tasks to arrive; its merge is M_t.

    Where a method does not look at the order, the tasks stay in the recipe's: the same set then
    is the same model, bit by bit, whoever came first.
    """
    arrived = order.tasks[:t]
    named = {task.name: task for task in recipe.tasks}
    if not method(recipe.method, recipe.options).ordered:
        arrived = tuple(name for name in recipe.names if name in arrived)
    return replace(recipe, tasks=tuple(named[name] for name in arrived))


def carried(recipe: Recipe) -> str:
    """What has to be kept from one arrival to the next, as words."""
    return method(recipe.method, recipe.options).carried
