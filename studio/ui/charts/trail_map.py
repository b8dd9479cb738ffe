"""The MDS map in one picture: each task's ring before, its dot after, and the way between."""

from html import escape

import numpy as np

from studio.geometry.maps import DeltaMap
from studio.ui.charts.grids import short
from studio.ui.charts.labels import placed
from studio.ui.charts.lines import COLORS

WIDE, HIGH = 620, 380
_EDGE, _LONGEST_NAME, _RADIUS, _STEP = 60, 24, 5.0, 4.0
_AXES = "first axis", "second axis (same unit: length of a change)"


def trail_map(found: DeltaMap, label: str) -> str:
    """The picture in the page's colors; ``label`` says to a screen reader what it holds."""
    return (
        f"<svg class='trails' viewBox='0 0 {WIDE} {HIGH}' role='img' "
        f"aria-label='{escape(label)}'>{_drawn(found, 'currentColor')}</svg>"
    )


def standalone(found: DeltaMap) -> str:
    """The same as a file: dark on white."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDE}' height='{HIGH}' "
        f"viewBox='0 0 {WIDE} {HIGH}' font-family='system-ui, sans-serif' font-size='12'>"
        f"<rect width='100%' height='100%' fill='#ffffff'/>{_drawn(found, '#111111')}</svg>"
    )


def marks(found: DeltaMap) -> list[tuple[float, float, float]]:
    """Center and radius of every ring, then of every dot; where some meet, each is wider."""
    points = _pixels(np.concatenate([found.before, found.after]))
    half, made = len(points) // 2, list[tuple[float, float, float]]()
    for k, (x, y) in enumerate(points.tolist()):
        same = made[half:] if k >= half else made
        near = sum(np.hypot(x - u, y - v) < _RADIUS for u, v, _ in same)
        dot = 0.6 if k >= half else 1.0
        made.append((x, y, dot * (_RADIUS + _STEP * near)))
    return made


def _pixels(points: np.ndarray) -> np.ndarray:
    low, high = points.min(0), points.max(0)
    span = np.where(high > low, high - low, 1e-12)
    room = np.array([WIDE - 2 * _EDGE - 60, HIGH - 2 * _EDGE])
    unit = float((room / span).min()) if float((high - low).max()) > 0 else 0.0
    moved = (points - (low + high) / 2) * unit
    return np.stack([WIDE / 2 + moved[:, 0], HIGH / 2 - moved[:, 1]], 1)


def _drawn(found: DeltaMap, ink: str) -> str:
    made, n = marks(found), len(found.tasks)
    rings, dots = made[:n], made[n:]
    shown = [short(name, _LONGEST_NAME) for name in found.tasks]
    labels = placed([(x, y) for x, y, _ in dots], shown, (WIDE, HIGH - 24))
    parts = [
        f"<text x='{WIDE / 2}' y='{HIGH - 4}' text-anchor='middle' fill='{ink}' font-size='12'>"
        f"{_AXES[0]} →</text><text x='12' y='{HIGH / 2}' text-anchor='middle' fill='{ink}' "
        f"font-size='12' transform='rotate(-90 12 {HIGH / 2})'>{_AXES[1]} →</text>"
    ]
    for i, name in enumerate(found.tasks):
        color, (x, y, r), (u, v, q), label = (
            COLORS[i % len(COLORS)], rings[i], dots[i], labels[i],
        )  # fmt: skip
        parts.append(
            f"<g data-task='{i}'><title>{escape(name)}</title><path d='M{x:.1f} {y:.1f}L{u:.1f} "
            f"{v:.1f}' stroke='{color}' stroke-width='1.5' stroke-dasharray='3 4'/><circle "
            f"class='ring' cx='{x:.1f}' cy='{y:.1f}' r='{r:.1f}' fill='none' stroke='{color}' "
            f"stroke-width='2.5'/><circle class='dot' cx='{u:.1f}' cy='{v:.1f}' r='{q:.1f}' "
            f"fill='{color}' fill-opacity='.85'/><text x='{label.x + 2:.1f}' "
            f"y='{label.y + 11.5:.1f}' fill='{ink}' font-size='12'>{escape(label.text)}</text></g>"
        )
    return "".join(parts)
