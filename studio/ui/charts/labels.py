"""Names beside points, moved so that none lies over another."""

from collections.abc import Sequence
from dataclasses import dataclass

_CHARACTER, _LINE = 6.9, 15.0  # px of 12 px type
_GAP = 7.0


@dataclass(frozen=True)
class Label:
    """A name and its box.

    Attributes:
        text: the name.
        x: left end of the box.
        y: upper end.
        width: of the box.
        height: of the box.
    """

    text: str
    x: float
    y: float
    width: float
    height: float = _LINE

    def over(self, other: "Label") -> bool:
        """Whether two boxes lie over one another."""
        apart = self.x >= other.x + other.width or other.x >= self.x + self.width
        return not (apart or self.y >= other.y + other.height or other.y >= self.y + self.height)


def placed(
    points: Sequence[tuple[float, float]], names: Sequence[str], size: tuple[float, float]
) -> list[Label]:
    """A label per point, on the side away from the middle, each the nearest free place to it.

    Args:
        points: where things are, in px.
        names: what they are called.
        size: width and height of the picture; labels stay inside.
    """
    found: list[Label] = []
    order = sorted(range(len(points)), key=lambda i: points[i][1])
    made: dict[int, Label] = {}
    for i in order:
        made[i] = _free(points[i], names[i], size, found)
        found.append(made[i])
    return [made[i] for i in range(len(points))]


def _free(
    point: tuple[float, float], name: str, size: tuple[float, float], taken: list[Label]
) -> Label:
    width = _CHARACTER * len(name) + 4
    right = point[0] >= size[0] / 2
    sides = (point[0] + _GAP, point[0] - _GAP - width)
    for step in range(2 * int(size[1] / _LINE) + 2):
        down = (step + 1) // 2 * (_LINE / 2) * (1 if step % 2 else -1)
        for x in sides if right else sides[::-1]:
            left = max(0.0, min(x, size[0] - width))
            top = max(0.0, min(point[1] - _LINE / 2 + down, size[1] - _LINE))
            label = Label(name, left, top, width)
            if not any(label.over(each) for each in taken):
                return label
    return Label(name, max(0.0, min(sides[0], size[0] - width)), point[1], width)
