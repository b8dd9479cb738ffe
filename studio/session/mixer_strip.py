"""One task in the mixer: merged or not, with one coefficient or one per group of tensors."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from studio.errors import BadRecipe
from studio.geometry.scopes import patterns
from studio.recipe import DEFAULT, PERSON, Coefficient, GroupedCoefficient, finite

_LARGEST = 100  # coefficient that the mixer takes
_WILD = set("*?[")
_UNREADABLE = "The page sent a mix that cannot be read; reload the page."


@dataclass(frozen=True)
class Strip:
    """One task in the mixer; its coefficients are kept while it is unmerged.

    Attributes:
        name: of the task.
        on: whether it is merged.
        coefficient: of all tensors, or with groups of those that no pattern matches.
        groups: (pattern, coefficient); the first pattern that matches counts.
        set_by: who set the numbers: 'person', 'default', or '' for what chose them by rows, and
            for a file that does not say.
    """

    name: str
    on: bool
    coefficient: float
    groups: tuple[tuple[str, float], ...] = ()
    set_by: str = ""

    @property
    def mean(self) -> float:
        """What the strip's one number shows: the mean of the groups, if there are any."""
        values = [x for _, x in self.groups] or [self.coefficient]
        return sum(values) / len(values)

    @property
    def given(self) -> Coefficient:
        """The coefficient as it stands in a recipe."""
        return (
            GroupedCoefficient(self.coefficient, self.groups) if self.groups else self.coefficient
        )

    def even(self, coefficient: float, set_by: str) -> "Strip":
        """The same strip with one coefficient for all tensors."""
        return replace(self, coefficient=coefficient, groups=(), set_by=set_by)

    def halved(self) -> "Strip":
        """The same strip with every coefficient halved, which still come from where they did."""
        groups = tuple((pattern, round(x / 2, 4)) for pattern, x in self.groups)
        half, set_by = round(self.coefficient / 2, 4), self.set_by and PERSON
        return replace(self, coefficient=half, groups=groups, set_by=set_by)


def strip_of(name: str, on: bool, coefficient: object, groups: object = ()) -> Strip:
    """A strip of numbers that are checked, its groups as pairs or lists of two.

    Raises:
        BadRecipe: the groups are no such pairs, or a number is not finite or beyond the limits.
    """
    try:
        pairs = [(pattern, x) for pattern, x in groups]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise BadRecipe(_UNREADABLE) from None
    named = [pattern for pattern, _ in pairs if isinstance(pattern, str)]
    if len(set(named)) != len(pairs):
        raise BadRecipe(_UNREADABLE)
    what = f"The coefficient of '{name}'"
    checked = tuple((pattern, _number(x, f"{what} for '{pattern}'")) for pattern, x in pairs)
    return Strip(name, on, _number(coefficient, what), checked)


def _number(value: object, what: str) -> float:
    number = finite(value, what)
    if abs(number) > _LARGEST:
        raise BadRecipe(f"{what} is {number:g}; the mixer takes -{_LARGEST} to {_LARGEST}.")
    return number


def strip_from_page(row: Mapping, before: Strip) -> Strip:
    """A task's strip as the page sent it: what differs from before, a person has set.

    Of several numbers all stay what they were until one number takes the place of all.

    Raises:
        BadRecipe: as ``strip_of``.
    """
    on, number, groups = bool(row.get("on")), row.get("coefficient"), row.get("groups", ())
    made = strip_of(before.name, on, number, groups)
    same = made.given == before.given
    mixed = bool(made.groups) and not before.set_by
    return replace(made, set_by=before.set_by if same or mixed else PERSON)


def kept_strip(row: Mapping, name: str) -> Strip:
    """A task's strip as it was kept.

    Raises:
        BadRecipe: as ``strip_of``.
    """
    on, number, groups = bool(row.get("on")), row.get("coefficient"), row.get("groups", ())
    set_by = row.get("set_by", "")
    if set_by not in ("", PERSON, DEFAULT):
        raise BadRecipe(_UNREADABLE)
    return replace(strip_of(name, on, number, groups), set_by=set_by)


def controls(before: Strip, after: Strip) -> list[str]:
    """Names of the controls that differ: the toggle, and one layer's slider or the whole task's."""
    names = [f"{before.name}.on"] if before.on != after.on else []
    if before.given == after.given:
        return names
    earlier = dict(before.groups)
    changed = [p for p, x in after.groups if x != earlier.get(p, before.coefficient)]
    if len(changed) == 1 and before.coefficient == after.coefficient:
        return [*names, f"{before.name}.coefficient:{changed[0]}"]
    return [*names, f"{before.name}.coefficient"]


def listed(strip: Strip, names: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """What a strip's fold-out lists: its groups, or the layers if it has none.

    Args:
        strip: of a task.
        names: of the tensors that the task changes.

    Returns:
        (label, pattern); the pattern is None for tensors that no group's pattern matches.
    """
    own = tuple(pattern for pattern, _ in strip.groups)
    found = own or _layers(names)
    rest = [("all other tensors", None)] if own and _left_over(names, own) else []
    return [*zip(_short(found), found, strict=True), *rest]


@lru_cache(maxsize=128)
def _layers(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(patterns(names, "layer").values())


def _left_over(names: Sequence[str], groups: Sequence[str]) -> bool:
    """Whether some tensor is matched by no pattern."""
    exact = {pattern for pattern in groups if not _WILD & set(pattern)}
    wild = [pattern for pattern in groups if pattern not in exact]
    left = (name for name in names if name not in exact)
    return any(not any(fnmatchcase(name, pattern) for pattern in wild) for name in left)


def _short(found: Sequence[str]) -> list[str]:
    """For each pattern an end that no other has: 'encoder.layer.2.*' is 'layer 2'.

    The shortest one of two parts or more that begins with a word and leaves out no wild card.
    """
    ends = [_ends(pattern) for pattern in found]
    counts = Counter(end for each in ends for end in each)
    chosen = [
        next((end for end in each if counts[end] == 1), pattern)
        for each, pattern in zip(ends, found, strict=True)
    ]
    return [re.sub(r"\.(\d+)(?=\.|$)", r" \1", end.removesuffix(".*")) for end in chosen]


def _ends(pattern: str) -> list[str]:
    parts = pattern.split(".")
    places = range(len(parts) - 2, -1, -1)
    return [
        ".".join(parts[i:])
        for i in places
        if not re.match(r"[\d*]|$", parts[i]) and not _WILD & set("".join(parts[:i]))
    ]
