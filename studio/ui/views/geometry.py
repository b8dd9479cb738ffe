"""Sentences of the Geometry tab: why there is nothing to draw, and whether the order matters."""

from html import escape

from studio.session.snapshot import Snapshot


def nothing_to_show(now: Snapshot) -> str:
    """Why there are no matrices and no map, and never will be for this mix; empty if there are."""
    if now.refused:
        return "This mix cannot be merged; the reason stands above."
    return "" if now.recipe.tasks else "Nothing is merged, so there is nothing to show."


def order(now: Snapshot) -> str:
    """How much the order of the tasks matters."""
    if nothing_to_show(now) or len(now.recipe.tasks) < 2:
        return ""
    words = now.order or "Order: comparing …"
    return f"<p class='quiet' id='order-words'>{escape(words)}</p>"
