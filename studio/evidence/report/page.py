"""The report of a removal: one page for everyone, drafts, then the pages that an auditor reads."""

from studio.evidence.report.catalogue import Words
from studio.evidence.report.drafts import drafts
from studio.evidence.report.first_page import first_page
from studio.evidence.report.paper import Paper
from studio.evidence.report.parts import text
from studio.evidence.report.style import STYLE
from studio.evidence.report.tables import (
    bars,
    checks,
    closure,
    definitions,
    how_to_check,
    inputs,
    procedure,
    questions,
    traces,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_OF_THE_STUDIO = Paper()


def report(statement: dict, paper: Paper = _OF_THE_STUDIO) -> str:
    """A statement as one HTML file without scripts, links or anything to load.

    The report is itself a file of the bundle, whose digests are the statement's ``subject``;
    so it reads the predicate only, and the same predicate gives the same bytes.

    Args:
        statement: an in-toto statement whose predicate is an unmerge certificate.
        paper: language of the first two pages, and what is declared for the report alone.
    """
    told = statement["predicate"]
    names = ", ".join(each["task"] for each in told["removed"])
    title = f"{Words(paper.language)('title')}: {text(names)}"
    sections = (bars, checks, closure, procedure, inputs, how_to_check, questions, traces)
    rest = "".join(section(told) for section in sections)
    body = (
        f"{first_page(told, paper)}\n{drafts(told, paper)}\n"
        f"<div class='rest' lang='en'>{rest}{definitions()}</div>"
    )
    return page(paper.language, title, body)


def page(language: str, title: str, body: str) -> str:
    """One HTML file that loads nothing; title and body are HTML."""
    return (
        f"<!DOCTYPE html>\n<html lang='{language}'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>"
        f"{body}</body></html>\n"
    )
