"""Regular expressions of other people's files, matched in time linear in the text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Letters = Callable[[str], bool]
_CLASSES: dict[str, Letters] = {
    "d": str.isdecimal,
    "w": lambda letter: letter.isalnum() or letter == "_",
    "s": str.isspace,
}
_SPECIAL = "\\.^$*+?{}[]()|"
_MOST_KEPT = 10_000  # steps of an automaton that are remembered
_LONGEST = 2000


@dataclass(frozen=True)
class _Part:
    """A part of an expression as positions (Glushkov): bits of a set are positions.

    Attributes:
        first: positions that a text may begin with.
        last: those that it may end with.
        empty: whether it fits the empty text.
    """

    first: int
    last: int
    empty: bool


class Expression:
    r"""Literals, ``.``, ``\d \w \s``, sets, groups, ``|``, ``* + ? {m,n}``, outer ``^`` and ``$``.

    Each fits in time of its size times the text's: no step is ever taken back.

    Args:
        pattern: the expression.

    Raises:
        ValueError: with a sentence, for a syntax that is not understood.
    """

    def __init__(self, pattern: str) -> None:
        parser = _Parser(pattern)
        anchored, free = parser.outer_branches()
        self._anchored, self._free = _either(anchored), _either(free)
        self._letters, self._follow = parser.letters, parser.follow
        self._steps: dict[tuple[int, str], int] = {}

    def __len__(self) -> int:
        return len(self._letters)

    def fits_end(self, text: str, starts: Iterable[int]) -> bool:
        """Whether it fits the text from one of ``starts`` to its end; ``^`` asks for start 0."""
        begins, active = set(starts), 0
        for i, letter in enumerate(text):
            begin = self._free.first if i in begins else 0
            begin |= self._anchored.first if i == 0 else 0
            active = self._step(active, begin, letter)
        ended = bool(active & (self._free.last | self._anchored.last))
        return ended or (len(text) in begins and self._free.empty) or (
            not text and self._anchored.empty
        )  # fmt: skip

    def _step(self, active: int, begin: int, letter: str) -> int:
        """Positions reached by one letter, from the active ones or as a beginning."""
        key = (active, letter)
        after = self._steps.get(key)
        if after is None:
            following, rest = 0, active
            while rest:
                bit = rest & -rest
                following |= self._follow[bit.bit_length() - 1]
                rest ^= bit
            after = self._accepting(following, letter)
            if len(self._steps) >= _MOST_KEPT:
                self._steps.clear()
            self._steps[key] = after
        return after | self._accepting(begin, letter)

    def _accepting(self, positions: int, letter: str) -> int:
        found = 0
        while positions:
            bit = positions & -positions
            if self._letters[bit.bit_length() - 1](letter):
                found |= bit
            positions ^= bit
        return found


class _Parser:
    """Reads an expression into positions and which follow which (Glushkov's construction)."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        if len(pattern) > _LONGEST:
            raise self._problem(f"has {len(pattern):,} characters, at most {_LONGEST:,} are read")
        self._at = self._depth = self._read = 0
        self.letters: list[Letters] = []
        self.follow: list[int] = []

    def _problem(self, why: str) -> ValueError:
        return ValueError(f"the expression {self._pattern[:100]!r} {why}.")

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        letter = self._peek()
        if not letter:
            raise self._problem("ends too early")
        self._at += 1
        return letter

    def outer_branches(self) -> tuple[list[_Part], list[_Part]]:
        """Branches that begin with ``^``, and the others."""
        branches: tuple[list[_Part], list[_Part]] = ([], [])
        while True:
            anchored = self._peek() == "^"
            self._at += anchored
            branches[not anchored].append(self._sequence())
            if self._peek() == "$":
                self._at += 1
            if not self._peek():
                return branches
            if self._take() != "|":
                raise self._problem(f"has an unbalanced or inner sign at {self._at}")

    def _sequence(self) -> _Part:
        whole = _Part(0, 0, True)
        while (letter := self._peek()) and letter not in "|)$":
            begun = self._at
            part = self._atom()
            whole = self._chained(whole, self._repeated(part, begun))
        return whole

    def _chained(self, left: _Part, right: _Part) -> _Part:
        self._link(left.last, right.first)
        return _Part(
            left.first | (right.first if left.empty else 0),
            right.last | (left.last if right.empty else 0),
            left.empty and right.empty,
        )

    def _link(self, last: int, first: int) -> None:
        while last:
            bit = last & -last
            self.follow[bit.bit_length() - 1] |= first
            last ^= bit

    def _repeated(self, part: _Part, begun: int) -> _Part:
        """The part with the sign of repetition after it; ``begun`` is where its text begins."""
        sign, ended = self._peek(), self._at
        if sign == "{":
            part = self._counted(part, begun, ended)
        elif sign and sign in "*+?":
            self._at += 1
            if sign != "?":
                self._link(part.last, part.first)
            part = _Part(part.first, part.last, part.empty or sign != "+")
        else:
            return part
        if self._peek() == "?":  # lazy: the same texts fit
            self._at += 1
        if self._peek() and self._peek() in "*+{":
            raise self._problem(f"repeats a repetition at {self._at}")
        return part

    def _counted(self, part: _Part, begun: int, ended: int) -> _Part:
        """``{m}``, ``{m,}`` and ``{m,n}``: the part's text is read again for each further copy."""
        close = self._pattern.find("}", ended)
        numbers = self._pattern[ended + 1 : close].split(",") if close > 0 else []
        if not 1 <= len(numbers) <= 2 or not all(n.isdecimal() or not n for n in numbers):
            raise self._problem(f"has no count at {ended}")
        least = int(numbers[0][:6] or 0)
        most = int(numbers[-1][:6]) if numbers[-1] else None
        count = least + 1 if most is None else most
        if count > 64 or (most is not None and most < least):
            raise self._problem(f"repeats {numbers}; at most 64 times are tried")
        whole = _Part(0, 0, True)
        for copy in range(count):
            if copy:
                self._at = begun
                part = self._atom()
            if copy >= least:
                part = _Part(part.first, part.last, True)
                if most is None:
                    self._link(part.last, part.first)
            whole = self._chained(whole, part)
        self._at = close + 1
        return whole

    def _atom(self) -> _Part:
        letter = self._take()
        self._read += 1
        if self._read > 10 * _LONGEST:  # counts within counts
            raise self._problem("repeats too much")
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._position(self._set())
        if letter == ".":
            return self._position(lambda each: each != "\n")
        if letter == "\\":
            return self._position(self._escaped())
        if letter in _SPECIAL:
            raise self._problem(f"has {letter!r} at {self._at - 1}, which is not understood there")
        return self._position(letter.__eq__)

    def _position(self, letters: Letters) -> _Part:
        if len(self.letters) > _LONGEST:
            raise self._problem(f"has more than {_LONGEST:,} parts")
        self.letters.append(letters)
        self.follow.append(0)
        bit = 1 << (len(self.letters) - 1)
        return _Part(bit, bit, False)

    def _group(self) -> _Part:
        self._depth += 1
        if self._depth > 50:
            raise self._problem("nests more than 50 groups")
        if self._peek() == "?":
            if self._pattern[self._at : self._at + 2] != "?:":
                raise self._problem(f"has a (?{self._pattern[self._at + 1 :][:1]} group, which is "
                                    "not understood")  # fmt: skip
            self._at += 2
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        if self._take() != ")":
            raise self._problem(f"has an inner $ at {self._at - 1}, which is not understood")
        self._depth -= 1
        return _either(branches)

    def _escaped(self) -> Letters:
        letter = self._take()
        if letter.lower() in _CLASSES:
            found = _CLASSES[letter.lower()]
            return found if letter.islower() else lambda each: not found(each)
        if letter.isalnum():
            raise self._problem(f"has \\{letter}, which is not understood")
        return letter.__eq__

    def _closes(self, at: int) -> bool:
        return self._pattern[at : at + 1] in ("]", "")

    def _set(self) -> Letters:
        """``[...]``: letters, ranges and classes."""
        negated = self._peek() == "^"
        self._at += negated
        found: list[Letters] = []
        while (letter := self._take()) != "]" or not found:
            if letter == "\\":
                found.append(self._escaped())
            elif self._pattern[self._at : self._at + 1] == "-" and not self._closes(self._at + 1):
                self._at += 1
                found.append(_between(letter, self._take()))
            else:
                found.append(letter.__eq__)
        return lambda each: any(fits(each) for fits in found) != negated


def _between(first: str, last: str) -> Letters:
    if last == "\\" or last < first:
        raise ValueError(f"the set with {first}-{last} is not understood.")
    return lambda each: first <= each <= last


def _either(branches: list[_Part]) -> _Part:
    first = last = 0
    for each in branches:
        first, last = first | each.first, last | each.last
    return _Part(first, last, any(each.empty for each in branches))
