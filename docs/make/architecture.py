"""The picture of the rooms, drawn from the imports: ``python -m docs.make.architecture``."""

import ast
from html import escape
from itertools import product
from pathlib import Path

from tests.house import ORDER

STUDIO = Path(__file__).parent.parent.parent / "studio"
FILE = Path(__file__).parent.parent / "architecture.svg"
_ROW, _LEFT, _CELL, _TOP = 24, 720, 24, 130
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b1f24 } .name { font-weight: 600 }
.quiet { fill: #5b6570; font-size: 12px } .line { stroke: #d9dee4 } .own { fill: #c3cad2 }
.uses { fill: #2563eb } rect.page { fill: #ffffff }
@media (prefers-color-scheme: dark) { text { fill: #e6e9ed } .quiet { fill: #9aa5b1 }
.line { stroke: #30363d } .own { fill: #3d444d } .uses { fill: #79a8ff }
rect.page { fill: #0d1117 } }
"""


def main() -> None:
    """Write the picture."""
    FILE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """A row per room with its caption; a dot in a column where it imports that column's room."""
    used = uses()
    width, height = _LEFT + _CELL * len(ORDER) + 20, _TOP + _ROW * len(ORDER) + 16
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' "
        "aria-labelledby='title'><title id='title'>Which room of studio imports which: each only "
        f"those above it</title><style>{_STYLE}</style>"
        f"<rect class='page' width='{width}' height='{height}'/>"
        "<text x='16' y='28' class='name'>A dot: the room of the row imports the room of the "
        "column.</text><text x='16' y='48' class='quiet'>All dots lie below the diagonal: "
        "imports go one way.</text>"
    ]
    for place, room in enumerate(ORDER):
        x, y = _LEFT + _CELL * place + _CELL / 2, _TOP + _ROW * place
        parts.append(
            f"<text x='16' y='{y + 16}' class='name'>{room}</text>"
            f"<text x='112' y='{y + 16}' class='quiet'>{escape(caption(room))}</text>"
            f"<line class='line' x1='16' x2='{width - 16}' y1='{y + _ROW}' y2='{y + _ROW}'/>"
            f"<text class='quiet' transform='translate({x + 4},{_TOP - 6}) rotate(-60)'>{room}"
            f"</text><rect class='own' x='{x - 4}' y='{y + 8}' width='8' height='8'/>"
        )
    for (row, room), (column, other) in product(enumerate(ORDER), enumerate(ORDER)):
        if other in used[room]:
            x, y = _LEFT + _CELL * column + _CELL / 2, _TOP + _ROW * row + _ROW / 2
            parts.append(
                f"<circle class='uses' cx='{x}' cy='{y}' r='4.5'><title>{room} imports {other}"
                "</title></circle>"
            )
    return "\n".join([*parts, "</svg>\n"])


def uses() -> dict[str, set[str]]:
    """The other rooms that each room's files import, wherever in the file."""
    found: dict[str, set[str]] = {room: set() for room in ORDER}
    for room in ORDER:
        for file in files(room):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
                    rooms = {n.split(".")[1] for n in names if n.startswith("studio.")}
                    found[room] |= rooms & set(ORDER) - {room}
    return found


def caption(room: str) -> str:
    """The first sentence of a room's docstring."""
    file = STUDIO / room / "__init__.py" if (STUDIO / room).is_dir() else STUDIO / f"{room}.py"
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.splitlines()[0].replace("``", "")


def files(room: str) -> list[Path]:
    """The files of a room."""
    folder = STUDIO / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [STUDIO / f"{room}.py"]


if __name__ == "__main__":
    main()
