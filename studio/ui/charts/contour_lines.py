"""Lines of equal height over a grid of measured points, straight between each two of them."""

from collections.abc import Iterator, Sequence

Place = tuple[float, float]
Segment = tuple[Place, Place]
Heights = Sequence[Sequence[float | None]]


def contour(
    across: Sequence[float], up: Sequence[float], heights: Heights, level: float
) -> list[Segment]:
    """The line of one height, as segments.

    Args:
        across: x of the columns, rising.
        up: y of the rows, rising.
        heights: by row and column; a square with a None at a corner has no line.
        level: the height.

    Source: marching squares; where two opposite corners are above, their mean tells which two
    segments are drawn.
    """
    found: list[Segment] = []
    for row in range(len(up) - 1):
        for column in range(len(across) - 1):
            corners = _corners(across, up, heights, row, column)
            if corners:
                found += _in_square(corners, level)
    return found


def levels(low: float, high: float, count: int) -> list[float]:
    """So many heights strictly between two."""
    return [low + (high - low) * step / (count + 1) for step in range(1, count + 1)]


def _corners(
    across: Sequence[float], up: Sequence[float], heights: Heights, row: int, column: int
) -> list[tuple[float, float, float]]:
    """x, y and height of a square's corners, around it; nothing if one is not known."""
    found: list[tuple[float, float, float]] = []
    for down, right in ((0, 0), (0, 1), (1, 1), (1, 0)):
        height = heights[row + down][column + right]
        if height is None:
            return []
        found.append((across[column + right], up[row + down], height))
    return found


def _in_square(corners: list[tuple[float, float, float]], level: float) -> Iterator[Segment]:
    crossings: list[Place] = []
    for place, (x, y, height) in enumerate(corners):
        u, v, other = corners[(place + 1) % 4]
        if (height > level) != (other > level):
            share = (level - height) / (other - height)
            crossings.append((x + (u - x) * share, y + (v - y) * share))
    if len(crossings) == 2:
        yield crossings[0], crossings[1]
    elif len(crossings) == 4:
        middle = sum(height for _, _, height in corners) / 4
        same = (middle > level) == (corners[0][2] > level)
        pairs = ((0, 1), (2, 3)) if same else ((3, 0), (1, 2))
        yield from ((crossings[one], crossings[other]) for one, other in pairs)
