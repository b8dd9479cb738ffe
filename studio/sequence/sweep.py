"""One number of a method over a range of values, each a recipe of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import floor, isfinite

from studio.errors import BadRecipe
from studio.methods import METHODS, method, method_type
from studio.methods.contract import numbers
from studio.recipe import Recipe

_MOST = 50
_SLACK = 1e-9  # of a step, for 0.1 + 0.2 is not 0.3


@dataclass(frozen=True)
class Sweep:
    """A method's option and the values it takes.

    Attributes:
        method: its name.
        option: the option's name.
        values: in rising order.
    """

    method: str
    option: str
    values: tuple[float | int, ...]

    def label(self, value: float | int) -> str:
        """Under which a value's results are found."""
        return f"{self.method} {self.option}={value:g}"

    def recipes(self, make: Callable[[str], Recipe]) -> Mapping[str, Recipe]:
        """A recipe per value, by its label.

        Args:
            make: the recipe of a method by its name.

        Raises:
            BadRecipe: a value is out of the option's range.
        """
        start, made = make(self.method), {}
        for value in self.values:
            changed = replace(start, options={**start.options, self.option: value})
            method(changed.method, changed.options)
            made[self.label(value)] = changed
        return made


def numeric_options() -> tuple[str, ...]:
    """Every ``method.option`` that is a number."""
    return tuple(f"{name}.{option}" for name, each in METHODS.items() for option in numbers(each))


def parse_sweep(text: str) -> Sweep:
    """A sweep as it is typed: ``method.option=from:to:step``, both ends included.

    Raises:
        BadRecipe: it is written otherwise, or names no number of a method.
    """
    target, _, limits = text.partition("=")
    parts = limits.split(":")
    try:
        start, stop, step = (float(each) for each in parts)
    except ValueError:
        raise BadRecipe(
            f"The sweep {text!r} is not written method.option=from:to:step, such as "
            "mdm_oc.strength=0:1:0.25."
        ) from None
    return make_sweep(target.strip(), start, stop, step)


def make_sweep(target: str, start: float, stop: float, step: float) -> Sweep:
    """A sweep over ``start``, ``start + step`` ... as far as ``stop``.

    Args:
        target: ``method.option``.
        start: first value.
        stop: last value, included if the steps meet it.
        step: above 0.

    Raises:
        BadRecipe: there is no such number, or the range holds no value or too many.
    """
    name, _, option = target.partition(".")
    known = numbers(method_type(name))
    if option not in known:
        raise BadRecipe(
            f"'{option}' is no number that {name} has; it has {', '.join(known) or 'none'}."
        )
    steps = (stop - start) / step if step > 0 else -1.0
    count = floor(steps + _SLACK) + 1 if isfinite(steps) else 0
    if not 1 <= count <= _MOST:
        raise BadRecipe(
            f"The sweep of {target} from {start:g} to {stop:g} by {step:g} holds "
            f"{max(count, 0)} values; it must hold 1 to {_MOST}."
        )
    values = [round(start + step * i, 10) for i in range(count)]
    whole = known[option]["whole"]
    if whole and any(value != int(value) for value in values):
        raise BadRecipe(f"{target} is a whole number; start and step must be whole, too.")
    return Sweep(name, option, tuple(int(v) if whole else v for v in values))
