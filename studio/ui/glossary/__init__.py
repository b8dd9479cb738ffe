"""The glossary: every term of the page, in plain sentences, with formula and source."""

from studio.ui.glossary.evidence import EVIDENCE
from studio.ui.glossary.geometry import GEOMETRY
from studio.ui.glossary.merging import MERGING
from studio.ui.glossary.scores import SCORES
from studio.ui.glossary.search import SEARCH
from studio.ui.glossary.sequence import SEQUENCE
from studio.ui.glossary.term import Term
from studio.ui.glossary.training import TRAINING

GLOSSARY: dict[str, tuple[Term, ...]] = {
    "What is merged": MERGING,
    "How well it does": SCORES,
    "Who disturbs whom": GEOMETRY,
    "Finding better weights": SEARCH,
    "Making experts": TRAINING,
    "Tasks that arrive": SEQUENCE,
    "Taking a task out": EVIDENCE,
}
"""Terms by what they are about, in the order in which a page shows them."""

TERMS: dict[str, Term] = {term.key: term for terms in GLOSSARY.values() for term in terms}
"""Every term by its key."""

_BY_NAME = {
    name.lower(): term for term in TERMS.values() for name in (term.name, *term.also, term.key)
}


def find(name: str) -> Term:
    """The term that is called so, or also so, in any case of letters.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name.lower()]
