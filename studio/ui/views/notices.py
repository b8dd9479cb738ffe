"""Sentences that stay on the page until what they are about is over."""

from collections.abc import Sequence
from html import escape


def refusal(sentence: str) -> str:
    """A refusal that stays on the page."""
    return f"<p class='refusal' role='alert'>{escape(sentence)}</p>" if sentence else ""


def notes(sentences: Sequence[str]) -> str:
    """What to know of something that was done, a line each."""
    return "".join(f"<p class='note'>{escape(each)}</p>" for each in sentences)
