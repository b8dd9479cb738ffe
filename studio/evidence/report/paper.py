"""Paper: what an operator declares for the report alone, and the language of its first pages."""

from dataclasses import dataclass, fields

from studio.errors import BadCertificate
from studio.evidence import wording
from studio.evidence.report.catalogue import refuse_language

LONGEST = 200  # letters of what an operator types


@dataclass(frozen=True)
class Paper:
    """What stands in the report and not in the statement; nobody checks it.

    The report is a file of the bundle, so the signature covers this, too.

    Attributes:
        language: of the first pages, a key of ``CATALOGUE``.
        in_charge: who answers for the request; a role rather than a name.
        basis: legal basis, as the operator sees it.
        told: when and how recipients were told, or ''.
        next_date: when somebody looks at this again, ``YYYY-MM-DD`` or words.
        retention: how long the record is kept.
    """

    language: str = "en"
    in_charge: str = ""
    basis: str = ""
    told: str = ""
    next_date: str = ""
    retention: str = ""

    def __post_init__(self) -> None:
        refuse_language(self.language)
        refuse_typed([str(getattr(self, each.name)) for each in fields(self)])


def refuse_typed(typed: list[str]) -> None:
    """Refuse what an operator typed that is no line of text, or that no certificate says.

    Raises:
        BadCertificate: naming it.
    """
    for text in typed:
        if len(text) > LONGEST or not text.isprintable():
            raise BadCertificate(
                f"{text[:40]!r} is no line of text; give at most {LONGEST} printable letters."
            )
        if claims := wording.forbidden_in(text):
            raise BadCertificate(
                f"A certificate never says '{claims[0]}'; describe what was done instead."
            )
