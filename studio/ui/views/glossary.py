"""The glossary as a list with addresses, and words that open their explanation where they stand.

Any part of the page links a label by ``term("mix")`` or, where the label has words of its own,
``term("rows that decide", "validation rows")``. It gives HTML for a ``gr.HTML`` component; the
footer carries what a press of it opens, wherever the page stands; the list of all is in the tab
Learn. A name that the glossary does
not know is a KeyError, and so a test that fails.
"""

from html import escape

from studio.ui.glossary import GLOSSARY, find
from studio.ui.glossary.term import Term


def term(label: str, name: str = "") -> str:
    """A label that opens its explanation by touch, mouse or keyboard.

    Args:
        label: what is written.
        name: of the term, or another of its names; empty where that is the label.
    """
    found = find(name or label)
    return (
        f"<a class='term' href='#term-{found.key}' data-term='{found.key}' aria-haspopup='dialog'>"
        f"{escape(label)}</a>"
    )


def glossary() -> str:
    """Every term by what it is about, each with an address of its own."""
    groups = (
        f"<h3>{escape(title)}</h3><dl>{''.join(map(_entry, terms))}</dl>"
        for title, terms in GLOSSARY.items()
    )
    return f"<div class='glossary' id='glossary'>{''.join(groups)}</div>"


def explanation() -> str:
    """The small dialog that shows an entry where its word stands, and the entries that it shows.

    They are a template, which is no part of the page: the list itself is in the tab Learn, which
    may not have been opened yet.
    """
    return (
        f"<template id='terms'>{glossary()}</template>"
        "<div id='term' popover='auto' role='dialog' aria-labelledby='term-name' tabindex='-1'>"
        "<h2 id='term-name'></h2><div class='said'></div><p class='ends'>"
        "<a href='#glossary' class='all'>All terms</a>"
        "<button type='button' class='copy'>Close</button></p></div>"
    )


def _entry(of: Term) -> str:
    return f"<dt id='term-{of.key}' tabindex='-1'>{escape(of.name)}</dt><dd>{_words(of)}</dd>"


def _words(of: Term) -> str:
    """The sentences; one press further the formula, the source and other names."""
    exactly = [f"<code>{escape(of.formula)}</code>"] if of.formula else []
    exactly += [f"<span>Source: {escape(of.source)}</span>"] if of.source else []
    exactly += [f"<span>Also: {escape(', '.join(of.also))}.</span>"] if of.also else []
    title = "Formula and source" if of.formula else "Source" if of.source else "Other words"
    about = f"<span class='hidden'> of {escape(of.name)}</span>"
    fold = f"<details><summary>{title}{about}</summary>{''.join(exactly)}</details>"
    return f"<p>{escape(of.sentence)} {escape(of.more)}</p>{fold if exactly else ''}"
