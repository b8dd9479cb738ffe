"""The glossary as a document, from the page's own: ``python -m docs.make.glossary``."""

from pathlib import Path

from studio.ui.glossary import GLOSSARY
from studio.ui.glossary.term import Term

FILE = Path(__file__).parent.parent / "glossary.md"
_HEAD = (
    "# Glossary\n\nEvery word of the page that has a meaning of its own here. On the page, a word "
    "with a dotted line opens its explanation where it stands. This document is made from the "
    "same words by `python -m docs.make.glossary`.\n"
)


def main() -> None:
    """Write the document."""
    FILE.write_text(document(), encoding="utf-8")


def document() -> str:
    """A heading per term, so that each can be linked to."""
    parts = [_HEAD]
    for title, terms in GLOSSARY.items():
        parts += [f"## {title}\n", *map(_entry, terms)]
    return "\n".join(parts)


def _entry(term: Term) -> str:
    exactly = [f"`{term.formula}`" if term.formula else "", term.source]
    if term.also:
        exactly.append(f"Also: {', '.join(term.also)}.")
    lines = [f"### {term.name}\n", f"{term.sentence} {term.more}\n"]
    fine = " · ".join(each for each in exactly if each)
    return "\n".join([*lines, *([f"{fine}\n"] if fine else [])])


if __name__ == "__main__":
    main()
