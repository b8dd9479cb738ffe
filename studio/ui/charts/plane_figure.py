"""The plane of two experts as a heat map with contours, and the paths of methods upon it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from studio.geometry.plane import Spot
from studio.measure.metrics import Mean
from studio.session.planes import Drawn
from studio.sweep.landscape import SweepPoint
from studio.sweep.plane_map import PlaneMap, frame
from studio.tasks.metric import Metric
from studio.ui.charts.contour_lines import contour, levels
from studio.ui.charts.grids import short
from studio.ui.charts.labels import Label, placed
from studio.ui.charts.shades import colors

_WIDE, _MOST_HIGH, _LEAST_HIGH = 560, 460, 170
_EDGE, _CONTOURS = 10, 6
_LONGEST = 22
SUM_INK, OWN_INK, SEARCH_INK, MIX_INK = "#B45309", "#111111", "#8C2D7A", "#111111"
_STYLE = "<style>text{font:12px system-ui,sans-serif}</style>"
Height = Callable[[SweepPoint], float]


@dataclass(frozen=True)
class Shown:
    """What a map's heights are.

    Attributes:
        words: such as "mean accuracy of a and b".
        metric: that they are in.
        height: of a point that was measured.
    """

    words: str
    metric: Metric
    height: Height

    def share(self, value: float, ends: tuple[float, float]) -> float:
        """0 to 1, from the worst that was measured to the best."""
        low, high = ends
        rising = (value - low) / (high - low) if high > low else 0.5
        return rising if self.metric.sign > 0 else 1 - rising


class _Paper:
    """Turns places on the plane into px; one unit is one length both ways, so angles are true."""

    def __init__(self, found: PlaneMap, drawn: Drawn) -> None:
        (left, right), (low, high) = frame(found.plane)
        spots = [*drawn.sum, *drawn.orthogonal]
        self.left, self.right = min(left, *(s.x for s in spots)), max(right, *(s.x for s in spots))
        self.low, self.high = min(low, *(s.y for s in spots)), max(high, *(s.y for s in spots))
        wide, tall = self.right - self.left, self.high - self.low
        self.unit = min((_WIDE - 2 * _EDGE) / wide, (_MOST_HIGH - 2 * _EDGE) / tall)
        self.height = max(round(tall * self.unit) + 2 * _EDGE, _LEAST_HIGH)
        self.across = _EDGE + ((_WIDE - 2 * _EDGE) - wide * self.unit) / 2

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Px of a place."""
        middle = (self.low + self.high) / 2
        return (
            self.across + (x - self.left) * self.unit,
            self.height / 2 - (y - middle) * self.unit,
        )

    def holds(self, spot: Spot) -> bool:
        """Whether a place lies on it."""
        return self.left <= spot.x <= self.right and self.low <= spot.y <= self.high


def ends_of(found: PlaneMap, shown: Shown) -> tuple[float, float]:
    """The lowest and the highest height that was measured."""
    values = [shown.height(point) for point in found.known]
    return (min(values), max(values)) if values else (0.0, 0.0)


def drawing(found: PlaneMap, drawn: Drawn, shown: Shown) -> str:
    """The picture for the page; its cells take the colors of the page's mode."""
    paper = _Paper(found, drawn)
    label = f"{shown.words} on the plane of {' and '.join(found.plane.tasks)}"
    return (
        f"<svg class='plane' viewBox='0 0 {_WIDE} {paper.height}' role='img' "
        f"aria-label='{escape(label)}'>{_cells(found, shown, paper, False)}"
        f"{_above(found, drawn, shown, paper)}</svg>"
    )


def standalone(found: PlaneMap, drawn: Drawn, shown: Shown, notes: Sequence[str]) -> str:
    """The same as a file, light, with lines of text below it."""
    paper = _Paper(found, drawn)
    tall = paper.height + 18 * len(notes) + 12
    text = "".join(
        f"<text x='12' y='{paper.height + 18 * place}' fill='#111111'>{escape(line)}</text>"
        for place, line in enumerate(notes, 1)
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDE}' height='{tall}' "
        f"viewBox='0 0 {_WIDE} {tall}'>{_STYLE}<rect width='100%' height='100%' fill='#ffffff'/>"
        f"{_cells(found, shown, paper, True)}{_above(found, drawn, shown, paper)}{text}</svg>"
    )


def _cells(found: PlaneMap, shown: Shown, paper: _Paper, alone: bool) -> str:
    """One rectangle around every measured point of the finest whole level."""
    across, up = found.sides(max(found.level, 1))
    ends, parts = ends_of(found, shown), []
    wide, tall = (across[1] - across[0]) * paper.unit, (up[1] - up[0]) * paper.unit
    left, right = paper(across[0], 0)[0], paper(across[-1], 0)[0]
    top, bottom = paper(0, up[-1])[1], paper(0, up[0])[1]
    for row in found.grid():
        for point in row:
            if point is None or point.outcome is None:
                continue
            x, y = paper(point.place[0] or 0.0, point.place[1] or 0.0)
            x0, x1 = max(x - wide / 2, left), min(x + wide / 2, right)
            y0, y1 = max(y - tall / 2, top), min(y + tall / 2, bottom)
            share = shown.share(shown.height(point), ends)
            ground = ",".join(map(str, colors(-share, False)[0]))
            fill = f"fill='rgb({ground})'" if alone else f"style='--share:{100 * share:.0f}%'"
            words = f"{shown.metric.shown(shown.height(point))}, {_amounts(found, point)}"
            parts.append(
                f"<rect class='cell' x='{x0:.1f}' y='{y0:.1f}' width='{x1 - x0 + 0.3:.1f}' "
                f"height='{y1 - y0 + 0.3:.1f}' {fill}><title>{escape(words)}</title></rect>"
            )
    return "".join(parts)


def _amounts(found: PlaneMap, point: SweepPoint) -> str:
    one, other = found.plane.amounts(point.place[0] or 0.0, point.place[1] or 0.0)
    return f"{one:.2f} of {found.plane.tasks[0]}, {other:.2f} of {found.plane.tasks[1]}"


def _above(found: PlaneMap, drawn: Drawn, shown: Shown, paper: _Paper) -> str:
    paths = [
        _path(drawn.sum, paper, SUM_INK, "6 4", "sum"),
        _path(drawn.orthogonal, paper, OWN_INK, "", "orthogonal"),
        _path(tuple(filter(paper.holds, drawn.search)), paper, SEARCH_INK, "2 3", "search"),
    ]
    return f"{_contours(found, shown, paper)}{''.join(paths)}{_points(found, drawn, paper)}"


def _contours(found: PlaneMap, shown: Shown, paper: _Paper) -> str:
    if found.level < 2:
        return ""
    across, up = found.sides(found.level)
    heights = [[shown.height(p) if p and p.outcome else None for p in row] for row in found.grid()]
    low, high = ends_of(found, shown)
    lines = []
    for level in levels(low, high, _CONTOURS) if high > low else []:
        for one, other in contour(across, up, heights, level):
            (x, y), (u, v) = paper(*one), paper(*other)
            lines.append(f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}")
    return f"<path class='level' d='{''.join(lines)}' fill='none' stroke='#7f7f7f'/>"


def _path(path: Sequence[Spot], paper: _Paper, ink: str, dashes: str, css: str) -> str:
    """A line with a light one under it, so that it stands out on every color."""
    if len(path) < 2:
        return ""
    places = [paper(spot.x, spot.y) for spot in path]
    end = places[-1]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return (
        f"<path d='M{line}' fill='none' stroke='#ffffff' stroke-width='5' opacity='.85'/>"
        f"<path class='way {css}' d='M{line}' fill='none' stroke='{ink}' stroke-width='2.4'"
        f"{dashed}/><circle cx='{end[0]:.1f}' cy='{end[1]:.1f}' r='4.5' fill='{ink}' "
        "stroke='#ffffff' stroke-width='1.5'/>"
    )


def _points(found: PlaneMap, drawn: Drawn, paper: _Paper) -> str:
    one, other = found.plane.tasks
    named = [("base", Spot(0.0, 0.0)), (one, found.plane.at(1, 0)), (other, found.plane.at(0, 1))]
    if drawn.mix is not None and paper.holds(drawn.mix):
        named.append(("present mix", drawn.mix))
    at = [paper(spot.x, spot.y) for _, spot in named]
    shown = [short(name, _LONGEST) for name, _ in named]
    labels = placed(at, shown, (_WIDE, paper.height))
    parts = []
    for place, ((x, y), label) in enumerate(zip(at, labels, strict=True)):
        shape = _SHAPES[min(place, 3) if place != 2 else 1]
        parts.append(
            f"<path class='point' transform='translate({x:.1f} {y:.1f})' d='{shape}' "
            f"fill='#ffffff' stroke='{MIX_INK}' stroke-width='2'/>"
            f"<text class='said' {_anchored(label, x)} y='{label.y + 11.5:.1f}' fill='#111111' "
            f"stroke='#ffffff' stroke-width='3' paint-order='stroke'>{escape(label.text)}</text>"
        )
    return "".join(parts)


def _anchored(label: Label, x: float) -> str:
    """So that larger type grows away from its point."""
    if label.x + label.width / 2 < x:
        return f"x='{label.x + label.width - 2:.1f}' text-anchor='end'"
    return f"x='{label.x + 2:.1f}'"


_SHAPES = (
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0", "M0,-6L6,5H-6Z", "", "M0,-7L7,0L0,7L-7,0Z",
)  # fmt: skip


def mean_shown(found: PlaneMap) -> Shown | None:
    """The mean of both tasks; None of nothing measured, and where they have two metrics."""
    if not found.known or len(found.known[0].means) != 1:
        return None
    mean: Mean = found.known[0].means[0]
    words = f"{mean.name} of {' and '.join(found.plane.tasks)}"
    return Shown(words, mean.metric, lambda point: point.means[0].value)


def task_shown(found: PlaneMap, task: str) -> Shown | None:
    """One task's score; None of nothing measured."""
    if not found.known or found.known[0].outcome is None:
        return None
    metric = found.known[0].outcome.scores[task].metric

    def height(point: SweepPoint) -> float:
        assert point.outcome is not None
        return point.outcome.scores[task].value

    return Shown(f"{metric.name} of {task}", metric, height)
