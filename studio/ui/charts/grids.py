"""Labelled grids of colored cells as SVG: for the page, and as a file that stands alone."""

from dataclasses import dataclass
from html import escape
from textwrap import wrap

_NEGATIVE, _ZERO, _POSITIVE = (0, 90, 160), (247, 247, 247), (213, 94, 0)
_DARK, _LIGHT = "#111111", "#ffffff"
_FRAME = "#e69f00"
_GAP, _TOP, _LINE, _HEAD = 1, 24, 18, 26
_NARROWEST = 420
_PAPER = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True)
class Grid:
    """Cells with what they say.

    Attributes:
        title: of the figure.
        rows: label per row.
        columns: label per column.
        cells: ``(value's text, color, tooltip)`` by row and column; None where there is no number.
        left: width of the row labels.
        size: width and height of a cell.
        notes: lines below the grid in a saved file.
        framed: row and column of cells with a frame.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: list[list[tuple[str, str, str] | None]]
    left: float
    size: tuple[float, float]
    notes: tuple[str, ...] = ()
    framed: frozenset[tuple[int, int]] = frozenset()

    @property
    def width(self) -> float:
        """Of the whole picture, in pixels."""
        return self.left + len(self.columns) * self.size[0] + 6

    @property
    def height(self) -> float:
        """Of labels and cells."""
        return _TOP + len(self.rows) * self.size[1]


def shown(grid: Grid, label: str) -> str:
    """The grid in the page's colors; ``label`` says to a screen reader what it holds."""
    return (
        f"<svg viewBox='0 0 {grid.width:.0f} {grid.height:.0f}' role='img' "
        f"aria-label='{escape(label)}'>{_drawn(grid, 'currentColor')}</svg>"
    )


def standalone(grid: Grid) -> str:
    """The grid as a file: dark on white, with its title and notes."""
    width = max(grid.width, _NARROWEST, 8.5 * len(grid.title) + 24)
    lines = [line for note in grid.notes for line in wrap(note, int((width - 24) / 6.6))]
    height = grid.height + _HEAD + _LINE * (len(lines) + 1)
    notes = "".join(
        f"<text x='12' y='{grid.height + _HEAD + _LINE * (i + 1):.0f}' font-size='12' "
        f"fill='{_DARK}'>{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' {_PAPER}><rect width='100%' height='100%' "
        f"fill='#ffffff'/><text x='12' y='20' font-size='14' font-weight='600' fill='{_DARK}'>"
        f"{escape(grid.title)}</text><g transform='translate(0 {_HEAD})'>{_drawn(grid, _DARK)}</g>"
        f"{notes}</svg>"
    )


def diverging(value: float, limit: float) -> str:
    """Blue below 0, white at 0, orange above; full color at ``limit``."""
    return _mixed(_POSITIVE if value >= 0 else _NEGATIVE, value, limit)


def rising(value: float, limit: float) -> str:
    """White at 0, blue at ``limit``."""
    return _mixed(_NEGATIVE, value, limit)


def ink_on(color: str) -> str:
    """Black or white, whichever stands out more.

    Source: relative luminance and contrast of WCAG 2.2.
    """
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return _DARK if (luminance + 0.05) ** 2 > 0.056 * 1.05 else _LIGHT


def short(name: str, longest: int) -> str:
    """A name with its middle left out if it is long; names differ at their ends."""
    half = longest // 2
    return name if len(name) <= longest else f"{name[: half - 1]}…{name[-half:]}"


def _mixed(end: tuple[int, int, int], value: float, limit: float) -> str:
    share = min(abs(value) / limit, 1.0) if limit > 0 else 0.0
    mixed = (round(z + (e - z) * share) for z, e in zip(_ZERO, end, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _drawn(grid: Grid, ink: str) -> str:
    wide, high = grid.size
    font = 12 if min(wide, high) >= 24 else 8
    longest = int(grid.left / 6.6)
    parts = [
        f"<text x='{grid.left + (j + 0.5) * wide:.1f}' y='{_TOP - 8}' text-anchor='middle' "
        f"font-size='{font}' fill='{ink}'>{escape(name)}</text>"
        for j, name in enumerate(grid.columns)
    ]
    for i, (name, row) in enumerate(zip(grid.rows, grid.cells, strict=True)):
        middle = _TOP + (i + 0.5) * high + font / 3
        parts.append(
            f"<text x='{grid.left - 6:.1f}' y='{middle:.1f}' text-anchor='end' font-size='{font}' "
            f"fill='{ink}'>{escape(short(name, longest))}<title>{escape(name)}</title></text>"
        )
        for j, cell in enumerate(row):
            x, y = grid.left + j * wide, _TOP + i * high
            parts.append(_cell(cell, x, y, grid.size, font))
            if (i, j) in grid.framed:
                parts.append(
                    f"<rect x='{x + 1.5:.1f}' y='{y + 1.5:.1f}' width='{wide - 4:.1f}' "
                    f"height='{high - 4:.1f}' fill='none' stroke='{_FRAME}' stroke-width='2.5'/>"
                )
    return "".join(parts)


def _cell(
    cell: tuple[str, str, str] | None, x: float, y: float, size: tuple[float, float], font: int
) -> str:
    wide, high = size
    box = f"<rect x='{x:.1f}' y='{y:.1f}' width='{wide - _GAP:.1f}' height='{high - _GAP:.1f}'"
    if cell is None:
        return f"{box} fill='none' stroke='#8a8a8a' stroke-dasharray='2 2'/>"
    text, color, tip = cell
    number = (
        f"<text x='{x + wide / 2:.1f}' y='{y + high / 2 + font / 3:.1f}' fill='{ink_on(color)}' "
        f"text-anchor='middle' font-size='{font}' pointer-events='none'>{text}</text>"
    )
    drawn = number if wide >= 24 else ""
    return f"{box} fill='{color}'><title>{escape(tip)}</title></rect>{drawn}"
