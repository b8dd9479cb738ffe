"""An axis of a sweep: one number of a recipe, and the values that it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from studio.errors import BadRecipe
from studio.methods import every_number, method, method_type
from studio.methods.contract import describe
from studio.recipe import Coefficient, GroupedCoefficient, Recipe

FACTOR = "coefficients"
_TASK = "coefficient."
_RANGES = {FACTOR: (0.0, 2.0), _TASK: (0.0, 1.5)}
_LEAST_MEAN = 1e-6  # of coefficients that are scaled to another mean
_DIGITS = 12  # of a value, for 0.1 + 0.2 is not 0.3


@dataclass(frozen=True)
class Axis:
    """A number of a recipe that is swept.

    Attributes:
        name: an option of its method; 'coefficient.TASK'; or 'coefficients', a factor on all.
        low: least value.
        high: greatest value, above it.
        whole: whether it takes whole numbers alone.
    """

    name: str
    low: float
    high: float
    whole: bool = False

    @property
    def task(self) -> str:
        """Whose coefficient it is; empty if of none."""
        return self.name.removeprefix(_TASK) if self.name.startswith(_TASK) else ""

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.name == FACTOR:
            return "factor on all coefficients"
        return f"coefficient of {self.task}" if self.task else self.name

    def values(self, level: int) -> tuple[float | int, ...]:
        """3 equally spaced values at level 1, both ends among them; each level halves the spacing.

        The values of a level are among those of the next. Of whole numbers the nearest are taken,
        each once.
        """
        count = 2**level
        steps = (self.low + (self.high - self.low) * i / count for i in range(1, count))
        inner = (float(f"{step:.{_DIGITS}g}") for step in steps)
        found = (self.low, *inner, self.high)
        return tuple(sorted({round(x) for x in found})) if self.whole else found

    @property
    def is_option(self) -> bool:
        """Whether it is an option of the method, and no coefficient."""
        return not self.task and self.name != FACTOR

    def put(self, recipe: Recipe, value: float) -> Recipe:
        """The recipe with this number.

        The coefficients of a task's groups are scaled, so that ``value`` is their mean.

        Raises:
            BadRecipe: the method takes no such value.
        """
        if self.name == FACTOR:
            every = {name: _times(coefficient(recipe, name), value) for name in recipe.names}
            return recipe.with_coefficients(every)
        if not self.task:
            changed = replace(recipe, options={**recipe.options, self.name: value})
            method(changed.method, changed.options)
            return changed
        present = coefficient(recipe, self.task)
        if isinstance(present, GroupedCoefficient):
            return recipe.with_coefficients({self.task: _times(present, value / mean(present))})
        return recipe.with_coefficients({self.task: value})

    def of(self, recipe: Recipe) -> float | None:
        """Where a recipe stands on it; None where its option is no number."""
        if self.name == FACTOR:
            return 1.0
        if self.task:
            return mean(coefficient(recipe, self.task))
        default = every_number(recipe.method, recipe.options)[self.name]["default"]
        found = recipe.options.get(self.name, default)
        assert found is None or isinstance(found, int | float)
        return found


def names_of(recipe: Recipe) -> tuple[str, ...]:
    """Of every axis that a recipe has."""
    options = every_number(recipe.method, recipe.options)
    return (FACTOR, *(_TASK + name for name in recipe.names), *options)


def make_axis(
    recipe: Recipe, name: str, low: float | None = None, high: float | None = None
) -> Axis:
    """An axis of a recipe.

    Args:
        recipe: that is swept.
        name: see ``Axis``.
        low: least value.
        high: greatest; where one is None, that of the option's range. Where that does not end, or
            has both signs, it is 0 to twice the default. Coefficients: 0 to 1.5; the factor: 0 to
            2.

    Raises:
        BadRecipe: the recipe has no such number, or the range is none.
    """
    _refuse_unknown(recipe, name)
    option = every_number(recipe.method, recipe.options).get(name)
    first, last = _limits(name, option)
    low, high = first if low is None else low, last if high is None else high
    if low is None or high is None:
        raise BadRecipe(f"{name} has no highest value; give the range, such as {name}=1:8.")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadRecipe(
            f"{name} from {low:g} to {high:g} is no range; give two numbers, the lower one first."
        )
    whole = bool(option and option["whole"])
    if whole and (low != int(low) or high != int(high)):
        raise BadRecipe(f"{name} is a whole number; {low:g} and {high:g} must be whole, too.")
    axis = Axis(name, int(low) if whole else low, int(high) if whole else high, whole)
    if axis.task and isinstance(present := coefficient(recipe, axis.task), GroupedCoefficient):
        _refuse_nothing_to_scale(axis.task, present)
    for end in (axis.low, axis.high):
        axis.put(recipe, end)
    return axis


def parse_axis(recipe: Recipe, text: str) -> Axis:
    """An axis as it is typed: ``NAME=LOW:HIGH``, or ``NAME`` alone for its usual range.

    Raises:
        BadRecipe: it is written otherwise, or see ``make_axis``.
    """
    name, equals, limits = text.rpartition("=")
    if not equals:
        return make_axis(recipe, text.strip())
    try:
        low, high = (float(each) for each in limits.split(":"))
    except ValueError:
        raise BadRecipe(
            f"{text!r} is not written NAME=LOW:HIGH with two numbers, such as coefficients=0:2."
        ) from None
    return make_axis(recipe, name.strip(), low, high)


def places(axes: Sequence[Axis], level: int) -> list[tuple[float, ...]]:
    """The points of a level: a value per axis."""
    return list(product(*(axis.values(level) for axis in axes)))


def put(recipe: Recipe, axes: Sequence[Axis], place: Sequence[float]) -> Recipe:
    """The recipe at a point; the factor multiplies what it had before, not what another axis sets.

    Raises:
        BadRecipe: the method takes no such value.
    """
    pairs, made = list(zip(axes, place, strict=True)), recipe
    for axis, value in sorted(pairs, key=lambda pair: pair[0].name != FACTOR):
        if axis.task:
            made = made.with_coefficients({axis.task: coefficient(recipe, axis.task)})
        made = axis.put(made, value)
    return made


def coefficient(recipe: Recipe, task: str) -> Coefficient:
    """A task's coefficient; the method's default if the recipe leaves it out."""
    found = next(each.coefficient for each in recipe.tasks if each.name == task)
    return method_type(recipe.method).default_coefficient if found is None else found


def mean(found: Coefficient) -> float:
    """Of the groups' coefficients; a number is its own."""
    if not isinstance(found, GroupedCoefficient):
        return found
    values = [value for _, value in found.groups] or [found.default]
    return math.fsum(values) / len(values)


def _times(found: Coefficient, factor: float) -> Coefficient:
    if not isinstance(found, GroupedCoefficient):
        return found * factor
    groups = tuple((pattern, value * factor) for pattern, value in found.groups)
    return GroupedCoefficient(found.default * factor, groups)


def _limits(name: str, option: dict | None) -> tuple[float | None, float | None]:
    if option is None:
        return _RANGES[FACTOR if name == FACTOR else _TASK]
    low, high, default = option["low"], option["high"], option["default"]
    if default is not None and (high is None or low < 0):
        return max(low, 0), 2 * default
    return low, high


def _refuse_unknown(recipe: Recipe, name: str) -> None:
    if name in names_of(recipe):
        return
    for each in describe(method_type(recipe.method)):
        if each["name"] == name:
            words = ", ".join(each["choices"]) or "true, false"
            raise BadRecipe(f"{name} of {recipe.method} is one of {words}, and no number to sweep.")
    raise BadRecipe(
        f"There is no number {name!r} in the recipe; there are {', '.join(names_of(recipe))}."
    )


def _refuse_nothing_to_scale(task: str, present: GroupedCoefficient) -> None:
    if abs(mean(present)) < _LEAST_MEAN:
        raise BadRecipe(
            f"The coefficients of the groups of '{task}' have the mean {mean(present):g}, so no "
            "factor brings it to another value. Give the task one coefficient first."
        )
