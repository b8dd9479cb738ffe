"""Where the demo zoo and its recipe lie: inside the installed package, in a clone beside it.

``python -m studio.demo`` prints the folder.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSIDE = _PACKAGE / "assets"

ASSETS = _INSIDE if _INSIDE.is_dir() else _PACKAGE.parent / "assets"
DEMO_ZOO = ASSETS / "demo-zoo"

if __name__ == "__main__":
    print(ASSETS)
