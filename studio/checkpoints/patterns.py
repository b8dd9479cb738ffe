"""Values for modules by expressions on their paths, as PEFT gives them, in linear time."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from studio.checkpoints.expressions import Expression
from studio.disk.files import mapping
from studio.errors import BadCheckpoint

MOST_POSITIONS = 512
"""Characters and sets in all expressions of one option that are no plain paths."""
MOST_SHAPES = 1000
"""Ways in which the dots of plain paths may lie."""
_PATH = re.compile(r"\^?[\w-]+(\\?\.[\w-]+)*")


@dataclass(frozen=True)
class Patterns:
    r"""Values for modules whose path ends with a key, from a dot on; ``^`` asks for the whole path.

    A key is a regular expression in which a dot stands for any character, as in PEFT's
    ``get_pattern_key``: ``(.*\.)?(key)$``. Those that are plain paths are looked up, the others
    run as automata, and each takes time linear in the path.

    Attributes:
        pairs: (key, value); the first whose key fits counts, as in PEFT.
    """

    pairs: tuple[tuple[str, float], ...] = ()

    def of(self, module: str, default: float) -> float:
        """The value for a module's path."""
        if not self.pairs:
            return default
        starts = [0] + [i + 1 for i, letter in enumerate(module) if letter == "."]
        fitting = [self._looked_up(module[start:], start == 0) for start in starts]
        fitting += [place for place, each in self._expressions if each.fits_end(module, starts)]
        places = [place for place in fitting if place is not None]
        return self.pairs[min(places)][1] if places else default

    @property
    def positions(self) -> int:
        """Characters and sets in all keys that are no plain paths."""
        return sum(len(each) for _, each in self._expressions)

    @property
    def shapes(self) -> int:
        """Ways in which the dots of plain paths lie."""
        return sum(map(len, self._shapes.values()))

    def _looked_up(self, end: str, whole: bool) -> int | None:
        """Place of the first plain path that is ``end``, the end of a path or the ``whole``."""
        blanked = [_blanked(end, dots) for dots in self._shapes.get(len(end), ())]
        keys = [(anchored, text) for text in blanked for anchored in ((False, True)[: 1 + whole])]
        return min((self._plain[key] for key in keys if key in self._plain), default=None)

    @cached_property
    def _plain(self) -> dict[tuple[bool, str], int]:
        """Places of the keys that are plain paths, by whether they are anchored and by text."""
        found: dict[tuple[bool, str], int] = {}
        for place, (key, _) in enumerate(self.pairs):
            if _PATH.fullmatch(key):
                found.setdefault((key.startswith("^"), _blanked(*_path(key))), place)
        return found

    @cached_property
    def _shapes(self) -> dict[int, tuple[tuple[int, ...], ...]]:
        """By length of a plain path, where such paths have dots that stand for any character."""
        found: dict[int, set[tuple[int, ...]]] = {}
        for key, _ in self.pairs:
            if _PATH.fullmatch(key):
                text, dots = _path(key)
                found.setdefault(len(text), set()).add(dots)
        return {length: tuple(sorted(each)) for length, each in found.items()}

    @cached_property
    def _expressions(self) -> tuple[tuple[int, Expression], ...]:
        """The other keys, compiled, with their places."""
        return tuple(
            (place, Expression(key))
            for place, (key, _) in enumerate(self.pairs)
            if not _PATH.fullmatch(key)
        )


NO_PATTERNS = Patterns()


def read_patterns(value: object, where: str, is_value: Callable[[object], bool]) -> Patterns:
    """The patterns of an option.

    Args:
        value: of the option, or None.
        where: file and option, for words.
        is_value: whether a value is in range.

    Raises:
        BadCheckpoint: a value is out of range, or a key is an expression that is not understood.
    """
    found = mapping({} if value is None else value, where, BadCheckpoint)
    for key, number in found.items():
        if not is_value(number):
            raise BadCheckpoint(f"{where}: {key[:100]!r} is {number!r}, which is out of range.")
    patterns = Patterns(tuple(found.items()))
    try:
        positions = patterns.positions
    except ValueError as problem:
        raise BadCheckpoint(
            f"{where}: {problem} Merge the adapter into its base and use the full model instead."
        ) from None
    if positions > MOST_POSITIONS or patterns.shapes > MOST_SHAPES:
        raise BadCheckpoint(
            f"{where}: its expressions have {positions:,} parts and its paths {patterns.shapes:,} "
            f"forms; at most {MOST_POSITIONS} and {MOST_SHAPES:,} are tried. Merge the adapter "
            "into its base and use the full model instead."
        )
    return patterns


def _path(key: str) -> tuple[str, tuple[int, ...]]:
    """A plain path without its escapes, and where its dots stand for any character."""
    text, dots = "", []
    letters = iter(key.removeprefix("^"))
    for letter in letters:
        if letter == ".":
            dots.append(len(text))
        text += next(letters) if letter == "\\" else letter
    return text, tuple(dots)


def _blanked(text: str, places: tuple[int, ...]) -> str:
    letters = list(text)
    for place in places:
        letters[place] = "\0"
    return "".join(letters)
