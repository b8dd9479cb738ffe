"""The one change that a step of the tour asks for; nothing else in the mixer counts as its try."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from studio.methods import method_type
from studio.methods.contract import describe
from studio.recipe import Option
from studio.session.mix import Mix
from studio.session.mixer_strip import Strip

_MOST = 3  # differences that are named
_EDGE = 1e-9
_AMOUNTS: Mapping[str, tuple[float, float]] = {}


@dataclass(frozen=True)
class Move:
    """A change of a step's mix, and when it is made.

    Attributes:
        words: what is to be done, in one sentence.
        ticks: tasks that are ticked or unticked.
        numbers: {task whose slider is moved: least and greatest value that count}.
        options: the same by option of the method.
    """

    words: str
    ticks: tuple[str, ...] = ()
    numbers: Mapping[str, tuple[float, float]] = field(default_factory=lambda: _AMOUNTS)
    options: Mapping[str, tuple[float, float]] = field(default_factory=lambda: _AMOUNTS)

    def lacks(self, first: Mix, now: Mix) -> str:
        """What is still to do until a mix is the step's with this change and no other.

        Args:
            first: the mix of the step.
            now: that is shown.

        Returns:
            A sentence or two; empty once it is made.
        """
        others = list(dict.fromkeys(self._others(first, now)))
        if others:
            more = ", …" if len(others) > _MOST else ""
            told = f"{', '.join(others[:_MOST])}{more}"
            return f"Other than this step sets it: {told}. Press Set the mixer, then: {self.words}"
        return "" if self._made(first, now) else self.words

    def _others(self, first: Mix, now: Mix) -> Iterator[str]:
        """What differs from the step's mix and was not asked for, in words."""
        if now.method != first.method:
            yield "the method"
            return  # every number follows it
        for name in sorted({*first.options, *now.options} - {*self.options}):
            if not _alike(first.options.get(name), now.options.get(name)):
                yield _called(first.method, name)
        if _rest(first) != _rest(now):
            yield "what stands under more"
        if first.names != now.names:
            yield "the order"
        before = _by_name(first)
        for name, strip in _by_name(now).items():
            own = before[name]
            if strip.on != own.on and name not in self.ticks:
                yield f"{name} is {'ticked' if strip.on else 'unticked'}"
            elif strip.on and name not in self.numbers and not _same(strip, own):
                yield f"the number of {name}"
            elif strip.on and name in self.numbers and strip.groups:
                yield f"the layers of {name}"

    def _made(self, first: Mix, now: Mix) -> bool:
        turned, strips = {*first.ticked} ^ {*now.ticked}, _by_name(now)
        numbers = all(
            _within(strips[name].coefficient, ends) for name, ends in self.numbers.items()
        )
        options = all(_within(now.options.get(name), x) for name, x in self.options.items())
        return turned == {*self.ticks} and numbers and options


def _called(method: str, option: str) -> str:
    """An option, as the page calls it."""
    labels = {each["name"]: each["label"] for each in describe(method_type(method))}
    return labels.get(option) or option


def _by_name(mix: Mix) -> dict[str, Strip]:
    return {strip.name: strip for strip in mix.strips}


def _rest(mix: Mix) -> object:
    return mix.dtype, mix.seed, mix.batch_norm, mix.vocabulary


def _alike(one: Option | None, other: Option | None) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= _EDGE
    return one == other


def _same(one: Strip, other: Strip) -> bool:
    return one.groups == other.groups and _alike(one.coefficient, other.coefficient)


def _within(value: object, ends: tuple[float, float]) -> bool:
    low, high = ends
    return isinstance(value, int | float) and low - _EDGE <= value <= high + _EDGE
