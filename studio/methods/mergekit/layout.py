"""The tensors of a merge and their layers: where gradients and filters get a meaning."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from studio.checkpoints.deltas import Deltas
from studio.errors import BadRecipe
from studio.methods.mergekit.setting import Place
from studio.recipe import Coefficient, GroupedCoefficient

_NUMBERED = re.compile(r"(.*?)\.(\d+)\.")
_GLOB = re.compile(r"[*?[]")
_ANY = "\0"  # stands for the number of a layer until names have become patterns


@dataclass(frozen=True)
class Layout:
    """Names of tensors, as the base stores them.

    Attributes:
        names: of the base.
        changed: by task, those that it changes.
    """

    names: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, deltas: Deltas) -> "Layout":
        """Of opened checkpoints; headers alone are read."""
        shared = (tuple(sorted(join.shared)) for join in deltas.joins)
        return cls(tuple(sorted(deltas.base.names)), dict(zip(deltas.tasks, shared, strict=True)))

    def places(self, deep: bool) -> dict[str, Place]:
        """Every tensor by name.

        Args:
            deep: whether the depth counts, for a gradient; else it is 0 everywhere.

        Raises:
            BadRecipe: the layers are unknown: none is numbered, one is missing, or there are
                several stacks.
        """
        last = self._last() if deep else 0
        return {name: Place(name, _depth(name, last) if deep else 0.0) for name in self.names}

    def _last(self) -> int:
        stacks: dict[str, set[int]] = {}
        for name in self.names:
            if found := _NUMBERED.match(name):
                stacks.setdefault(found[1], set()).add(int(found[2]))
        if len(stacks) != 1:
            several = f"it has {len(stacks)} stacks, {', '.join(sorted(stacks)[:4])}"
            raise BadRecipe(
                "A gradient runs over the layers of one stack, which the names of the base's "
                f"tensors must number; {several if stacks else 'no name has a number'}. Write one "
                "value per filter instead."
            )
        ((stack, numbers),) = stacks.items()
        if numbers != set(range(max(numbers) + 1)):
            raise BadRecipe(
                f"A gradient runs over all layers of the base's '{stack}', of which "
                f"{min(set(range(max(numbers))) - numbers)} is missing."
            )
        return max(numbers)


def _depth(name: str, last: int) -> float:
    """How far from the first layer to the last; a single layer is the end of the way.

    Source: mergekit 0.1.5; what lies outside the layers counts with the first.
    """
    found = _NUMBERED.match(name)
    if not found:
        return 0.0
    return int(found[2]) / last if last else 1.0


def grouped(values: Mapping[str, float]) -> Coefficient:
    """One number per tensor as a coefficient with few groups.

    Args:
        values: by name, of all tensors that a task changes.

    Returns:
        One number if all are equal; else groups whose patterns each match at least one name.
    """
    if len(set(values.values())) <= 1:
        return next(iter(values.values()), 0.0)
    ((usual, _),) = Counter(values.values()).most_common(1)
    without = {_without_number(name): value for name, value in values.items()}
    alike = all(without[_without_number(name)] == value for name, value in values.items())
    exact = [(escaped(name), value) for name, value in sorted(values.items()) if value != usual]
    ways = [_Tree(each, usual).groups() for each in [*([without] if alike else []), values]]
    made = [GroupedCoefficient(usual, tuple(groups)) for groups in (*ways, exact)]
    right = [each for each in made if all(each.of(name) == x for name, x in values.items())]
    return min(right, key=lambda each: len(each.groups))


def escaped(name: str) -> str:
    """A pattern that matches a name alone."""
    return _GLOB.sub(r"[\g<0>]", name)


def _without_number(name: str) -> str:
    found = _NUMBERED.match(name)
    return f"{found[1]}.{_ANY}.{name[found.end() :]}" if found else name


@dataclass(frozen=True)
class _Tree:
    """Names by their parts; a pattern stands for the highest part below which all is equal."""

    values: Mapping[str, float]
    usual: float

    def groups(self) -> list[tuple[str, float]]:
        """Pattern and value of what differs from the usual value."""
        return self._below("", sorted(self.values))

    def _below(self, prefix: str, names: list[str]) -> list[tuple[str, float]]:
        found = {self.values[name] for name in names}
        if len(found) == 1 and (prefix or found == {self.usual}):
            value = found.pop()
            whole = names[0] if len(names) == 1 else f"{prefix}*"
            return [] if value == self.usual else [(_pattern(whole, len(names) == 1), value)]
        children: dict[str, list[str]] = {}
        for name in names:
            head, dot, _ = name[len(prefix) :].partition(".")
            children.setdefault(prefix + head + dot, []).append(name)
        return [each for head, inside in children.items() for each in self._below(head, inside)]


def _pattern(text: str, whole: bool) -> str:
    made = escaped(text) if whole else escaped(text[:-1]) + "*"
    return made.replace(_ANY, "*")
