"""One common scale per method, searched on validation rows with the same budget for all."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from studio.errors import BadData, BadRecipe
from studio.measure.bench import Bench
from studio.methods import method, method_type
from studio.methods.contract import describe
from studio.recipe import Recipe
from studio.tasks.row_parts import CHOOSING, VALIDATION

CANDIDATES = 7  # scales per method: the default, its half and double, and four around the best
ROWS = 200  # validation rows per task, if nobody says how many
_FINEST = 0.125  # of the base-2 logarithm; closer scales are not told apart


@dataclass(frozen=True)
class Budget:
    """What a comparison spends on validation rows, the same for every method.

    Attributes:
        methods: how many are compared.
        candidates: scales per method; 1 if nothing is tuned.
        rows: validation rows of all tasks together; 0 if the zoo has none.
        most: rows per task at most.
        split: which of the validation rows, see ``chosen_on``.
    """

    methods: int
    candidates: int
    rows: int
    most: int
    split: str = VALIDATION

    @property
    def evaluations(self) -> int:
        """Row evaluations of all methods together, at most."""
        return self.methods * self.candidates * self.rows

    @property
    def words(self) -> str:
        """As a product, for people."""
        if not self.rows:
            return "no validation rows: nothing is tuned or proposed"
        methods = f"{self.methods} methods" if self.methods > 1 else "1 method"
        scales = f"{self.candidates} scales" if self.candidates > 1 else "1 scale"
        said = (
            f"{methods} x {scales} x {self.rows:,} validation rows = "
            f"{self.evaluations:,} row evaluations, and each row once by its expert and by the base"
        )
        if self.split == VALIDATION:
            return said
        return f"{said}, on none of the rows that a method may measure experts on"


def chosen_on(methods: Sequence[str]) -> str:
    """Of which validation rows a comparison chooses scales and what it proposes.

    All methods choose on the same rows. If one of them measures experts on validation rows, it is
    the rows that are never measured on: what was measured on a row looks better there.
    """
    measuring = any(method(name, {}).measures for name in methods)
    return CHOOSING if measuring else VALIDATION


def plan_budget(
    bench: Bench, methods: Sequence[str], tune: bool, limit: int | None = None,
    fitted: bool = False,
) -> Budget:  # fmt: skip
    """What a comparison will spend.

    Args:
        bench: the zoo, opened.
        methods: their names.
        tune: whether scales are searched.
        limit: row evaluations per method; None for ``ROWS`` rows of each task.
        fitted: whether rows of mixes that are calibrated, or whose heads are refitted, are among
            them.

    Raises:
        BadData: scales are to be searched, and some scored task has no labelled validation rows.
        BadRecipe: the limit is too low for one row of each task.
    """
    names, split = bench.scored(), CHOOSING if fitted else chosen_on(methods)
    bare = [name for name in names if not bench.tasks[name].labelled(split)]
    if bare:
        if tune:
            beside = "" if split == VALIDATION else ", beside those that experts are measured on"
            raise BadData(
                f"Scales are chosen on labelled validation rows{beside}, but these have none: "
                f"{', '.join(bare)}. Name them in zoo.yaml, or compare without tuning."
            )
        return Budget(len(methods), 1, 0, 0, split)
    candidates, most = CANDIDATES if tune else 1, ROWS
    if limit is not None:
        most = limit // (CANDIDATES * max(len(names), 1))
        if most < 1:
            raise BadRecipe(
                f"The budget is {limit:,} row evaluations per method; {CANDIDATES} scales on one "
                f"row of each of {len(names)} tasks need {CANDIDATES * len(names):,}."
            )
    rows = sum(min(most, len(bench.tasks[name].rows(split))) for name in names)
    return Budget(len(methods), candidates, rows, most, split)


def scaled(recipe: Recipe, factor: float) -> Recipe:
    """The recipe with everything it adds to the base multiplied by a factor.

    That is its option ``scale``, if the method has one, or else all coefficients: what is merged
    before a scale is recalled.
    """
    kind = method_type(recipe.method)
    options = {each["name"]: each for each in describe(kind)}
    if factor == 1.0:
        return recipe
    if "scale" in options:
        now = recipe.options.get("scale", options["scale"]["default"])
        assert isinstance(now, float | int)
        return replace(recipe, options={**recipe.options, "scale": now * factor})
    values = {}
    for task in recipe.tasks:
        now = kind.default_coefficient if task.coefficient is None else task.coefficient
        assert isinstance(now, float | int), "a comparison's recipes have no groups"
        values[task.name] = now * factor
    return recipe.with_coefficients(values)


def largest_factor(recipe: Recipe) -> float:
    """The greatest factor that the method's option ``scale`` allows."""
    for each in describe(method_type(recipe.method)):
        if each["name"] == "scale" and each["high"] is not None and each["default"]:
            return each["high"] / abs(each["default"])
    return math.inf


def search(
    value: Callable[[float], float], candidates: int = CANDIDATES, largest: float = math.inf
) -> dict[float, float]:
    """Try factors from coarse to fine; nothing is drawn.

    First 1, 1/2 and 2; then twice or half the best one if it is at an end, else the one half way,
    by logarithms, to its further neighbor.

    Args:
        value: of a factor, the higher the better; minus infinity if it cannot be merged.
        candidates: factors to try, at most.
        largest: no factor is greater.

    Returns:
        The value by factor, in the order of trial.
    """
    tried: dict[float, float] = {}  # by the base-2 logarithm of the factor
    coarse = [0.0, -1.0, 1.0]
    while len(tried) < candidates:
        place = coarse.pop(0) if coarse else _next(tried, math.log2(largest))
        if place is None:
            break
        if 2**place <= largest:
            tried[place] = value(2**place)
    return {2**place: found for place, found in tried.items()}


def best(tried: Mapping[float, float]) -> float:
    """The factor of the highest value; of equal ones that nearest to 1."""
    return max(tried, key=lambda factor: (tried[factor], -abs(math.log2(factor))))


def _next(tried: Mapping[float, float], end: float) -> float | None:
    """Where to look next; None if there is nothing left that could differ."""
    top = max(tried, key=lambda place: (tried[place], -abs(place)))
    lower = max((place for place in tried if place < top), default=None)
    upper = min((place for place in tried if place > top), default=None)
    if lower is None:
        return top - 1.0
    if upper is None and top + 1.0 <= end:
        return top + 1.0
    sides = [each for each in (lower, upper) if each is not None]
    sides.sort(key=lambda place: (-abs(place - top), -tried[place], abs(place)))
    finer = [(top + side) / 2 for side in sides if abs(side - top) > _FINEST]
    return finer[0] if finer else None
