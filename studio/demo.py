"""Where the demo zoos and a recipe lie: inside the installed package, in a clone beside it.

``python -m studio.demo`` prints the folder.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSIDE = _PACKAGE / "assets"

ASSETS = _INSIDE if _INSIDE.is_dir() else _PACKAGE.parent / "assets"
DEMO_ZOO = ASSETS / "demo-zoo"
DEMOS = {
    "desks": DEMO_ZOO,
    "pictures": ASSETS / "pictures-zoo",
    "words": ASSETS / "words-zoo",
    "choices": ASSETS / "words-zoo" / "choices.yaml",
}
"""Zoos by the names that a person gives; the first is opened where nobody names one."""

if __name__ == "__main__":
    print(ASSETS)
