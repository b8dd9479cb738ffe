"""Catalogue: the words of the report's first pages by language, filled in and escaped."""

from dataclasses import dataclass

from studio.errors import BadCertificate
from studio.evidence.report.english import WORDS as ENGLISH
from studio.evidence.report.french import WORDS as FRENCH
from studio.evidence.report.german import WORDS as GERMAN
from studio.evidence.report.parts import text
from studio.evidence.report.spanish import WORDS as SPANISH

CATALOGUE = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
"""How each calls itself."""


@dataclass(frozen=True)
class Words:
    """One language's words.

    Attributes:
        language: a key of ``CATALOGUE``.
    """

    language: str = "en"

    def __post_init__(self) -> None:
        refuse_language(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """A sentence as HTML; what is filled in is text that a page never obeys."""
        filled = {name: text(value) for name, value in values.items()}
        return text(CATALOGUE[self.language][key]).format(**filled)

    def counted(self, key: str, count: int, **values: object) -> str:
        """The same, in the singular where there is one of it and the language has words for it."""
        one = f"{key}.one"
        return self(one if count == 1 and self.known(one) else key, **values)

    def known(self, key: str) -> bool:
        """Whether there are words for it; of a state, say, that a later studio writes."""
        return key in CATALOGUE[self.language]


def refuse_language(language: str) -> None:
    """Refuse a language that the report is not written in.

    Raises:
        BadCertificate: naming those that there are.
    """
    if language not in CATALOGUE:
        raise BadCertificate(
            f"The report is written in {', '.join(CATALOGUE)}, and not in '{language[:20]}'."
        )
