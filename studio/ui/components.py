"""What components have in common: bare HTML, and the scripts and style sheets of the page."""

from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
_APART = ("print.css", "first_paint.css")  # not for the page as it stands on the screen
BARE: dict[str, Any] = {"apply_default_css": False, "padding": False}


def static(name: str) -> str:
    """The text of a script or style sheet of the page."""
    return (STATIC / name).read_text(encoding="utf-8")


def style_sheets() -> list[Path]:
    """Those of the page, in their order."""
    return [each for each in sorted(STATIC.glob("*.css")) if each.name not in _APART]
