"""Boxes of the page: the numbers that they hold."""

from math import isfinite

from studio.errors import BadRecipe


def number_in(value: object, what: str) -> float:
    """A box's number.

    Raises:
        BadRecipe: it holds none; named as ``what``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadRecipe(f"{what}: give a number.")
    return float(value)


def whole_in(value: object, what: str) -> int:
    """A box's whole number; raises as ``number_in``."""
    number = number_in(value, what)
    if number != int(number):
        raise BadRecipe(f"{what}: {number:g} is no whole number.")
    return int(number)
