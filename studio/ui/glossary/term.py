"""One term of the glossary: a plain sentence first, its formula and source further down."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """What a word of the page means.

    Attributes:
        name: the word, as labels write it.
        sentence: what it is, for who has never merged; no formula, no code name.
        more: one more sentence: what it is good for, or how to read it.
        formula: exactly; empty where words say all.
        source: paper and equation, or nothing.
        also: other words for the same, by which it is found, too.
    """

    name: str
    sentence: str
    more: str
    formula: str = ""
    source: str = ""
    also: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in addresses: small letters, digits and hyphens."""
        return slug(self.name)


def slug(name: str) -> str:
    """A name as part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
