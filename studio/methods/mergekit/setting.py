"""A parameter's value in mergekit: a number, a gradient over layers, or one per filter."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.disk.files import only_keys
from studio.errors import BadRecipe
from studio.recipe import finite

MOST_ANCHORS = 10_000
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Place:
    """Where a parameter is asked for.

    Attributes:
        name: of the tensor.
        depth: 0 in the first layer, 1 in the last, 0 outside the layers.
    """

    name: str = ""
    depth: float = 0.0


@dataclass(frozen=True)
class Rule:
    """The value of tensors whose name holds a text.

    Attributes:
        held: the text; empty for every tensor.
        anchors: values at equal distances from the first layer to the last.
    """

    held: str
    anchors: tuple[float, ...]

    def at(self, depth: float) -> float:
        """The straight line between the two nearest anchors, at a depth from 0 to 1."""
        scaled = depth * (len(self.anchors) - 1)
        low = int(scaled)
        high = min(low + 1, len(self.anchors) - 1)
        share = scaled - low
        return (1 - share) * self.anchors[low] + share * self.anchors[high]


Setting = tuple[Rule, ...]
"""The first rule whose text a tensor's name holds counts."""


def parse_setting(value: object, where: str) -> Setting:
    """A parameter's value as it stands in a configuration.

    Args:
        value: a number, a list of numbers (a gradient), or ``{filter, value}`` or a list of these.
        where: names the parameter in the error.

    Raises:
        BadRecipe: it is none of these.
    """
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return tuple(_rule(each, f"{where}: entry {i}") for i, each in enumerate(value, 1))
    return (Rule("", _anchors(value, where)),)


def value_at(settings: Sequence[Setting], place: Place) -> float | None:
    """The value of the first setting that has one for a tensor; None if none has."""
    for setting in settings:
        for rule in setting:
            if rule.held in place.name:
                return rule.at(place.depth)
    return None


def is_even(settings: Sequence[Setting]) -> bool:
    """Whether all tensors have one value, so that no name need be known."""
    first = next((rule for setting in settings for rule in setting), None)
    return first is None or (not first.held and len(first.anchors) == 1)


def _rule(entry: object, where: str) -> Rule:
    if not isinstance(entry, dict):
        raise BadRecipe(f"{where} is {entry!r}; beside filters each is {{filter, value}}.")
    only_keys(entry, ("filter", "value"), where, BadRecipe)
    held = entry.get("filter")
    if held is not None and (not isinstance(held, str) or not held):
        raise BadRecipe(f"{where}: the filter is {held!r}; it is a part of tensors' names, or '*'.")
    return Rule("" if held in (None, "*") else held, _anchors(entry.get("value"), where))


def _anchors(value: object, where: str) -> tuple[float, ...]:
    if not isinstance(value, list):
        return (_number(value, where),)
    if not 0 < len(value) <= MOST_ANCHORS:
        raise BadRecipe(
            f"{where} is a list of {len(value):,}; a gradient has 1 to {MOST_ANCHORS:,} numbers."
        )
    return tuple(_number(each, f"{where}: a number of the gradient") for each in value)


def _number(value: object, where: str) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    return finite(value, where)
