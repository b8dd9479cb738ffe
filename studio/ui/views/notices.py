"""Sentences that stay on the page until what they are about is over."""

from html import escape


def refusal(sentence: str) -> str:
    """A refusal that stays on the page."""
    return f"<p class='refusal' role='alert'>{escape(sentence)}</p>" if sentence else ""
