"""The map of tasks as arrows from the base: before pale, after strong, a trail between the tips."""

from html import escape

import numpy as np

from studio.disk.csv import csv_text
from studio.geometry.arrows import Arrows
from studio.ui.charts.grids import short
from studio.ui.charts.labels import Label, placed
from studio.ui.charts.lines import COLORS
from studio.ui.charts.saves import folded, picture_saves

_WIDE, _HIGH, _EDGE = 520, 360, 34
_LONGEST_NAME = 24
_ALL = 0.9999  # share of the squared distances from which a picture is called true
_STYLE = (
    "<style>.trail{stroke-dasharray:3 4;fill:none}.before{opacity:.38}.leader{opacity:.5}"
    "text{font:12px system-ui,sans-serif}</style>"
)


def arrow_map(found: Arrows) -> str:
    """The figure with its caption and what saves it; a task's parts carry ``data-task``."""
    name = "Tasks as arrows"
    drawn = _drawn(found, "currentColor")
    saves = folded(picture_saves(name, _alone(found), _csv(found)), name)
    return (
        f"<figure class='arrows'><figcaption>{_caption(found)}</figcaption>"
        f"<svg viewBox='0 0 {_WIDE} {_HIGH}' role='img' aria-label='{escape(_label(found))}'>"
        f"{drawn}</svg>{saves}</figure>"
    )


def pixels(found: Arrows) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Tips before and after and the base in px; one unit is one length both ways."""
    every = found.before if found.after is None else np.concatenate([found.before, found.after])
    every = np.concatenate([every, np.zeros((1, 2))])
    low, high = every.min(0), every.max(0)
    room = np.array([_WIDE - 2 * _EDGE - 110, _HIGH - 2 * _EDGE])
    spans = np.where(high - low > 0, high - low, 1e-12)
    unit = float((room / spans).min()) if float((high - low).max()) > 0 else 1.0
    middle = (low + high) / 2

    def place(points: np.ndarray) -> np.ndarray:
        moved = (points - middle) * unit
        return np.stack([_WIDE / 2 + moved[:, 0], _HIGH / 2 - moved[:, 1]], 1)

    base = place(np.zeros((1, 2)))[0]
    after = found.before if found.after is None else found.after
    return place(found.before), place(after), (float(base[0]), float(base[1]))


def names_of(found: Arrows) -> list[Label]:
    """Where the names stand: at the tips of the strong arrows."""
    tips = [(float(x), float(y)) for x, y in pixels(found)[1]]
    shown = [short(name, _LONGEST_NAME) for name in found.tasks]
    return placed(tips, shown, (_WIDE, _HIGH))


def _drawn(found: Arrows, ink: str) -> str:
    before, after, base = pixels(found)
    labels = names_of(found)
    parts = [f"<circle cx='{base[0]:.1f}' cy='{base[1]:.1f}' r='4' fill='{ink}'/>"]
    for i, name in enumerate(found.tasks):
        color, (x, y), (u, v) = COLORS[i % len(COLORS)], before[i], after[i]
        inside = ""
        if found.after is not None:
            inside += _arrow(base, (x, y), color, "before")
            inside += (
                f"<path class='trail' d='M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}' stroke='{color}' "
                "stroke-width='1.5'/>"
            )
        inside += _arrow(base, (u, v), color, "after") + _name(labels[i], (u, v), color, ink)
        parts.append(f"<g data-task='{i}'><title>{escape(name)}</title>{inside}</g>")
    parts.append(_base_name(base, labels, ink))
    return "".join(parts)


def _base_name(base: tuple[float, float], labels: list[Label], ink: str) -> str:
    free = (
        Label("base", base[0] - 14 + dx, base[1] + dy, 30)
        for dx, dy in ((0, 6), (0, -22), (-26, -8), (26, -8))
    )
    chosen = next((x for x in free if not any(x.over(y) for y in labels)), None)
    if chosen is None:
        return ""
    return f"<text x='{chosen.x:.1f}' y='{chosen.y + 12:.1f}' fill='{ink}'>base</text>"


def _arrow(base: tuple[float, float], tip: tuple[float, float], color: str, css: str) -> str:
    x, y, u, v = *base, *tip
    length = float(np.hypot(u - x, v - y))
    if length < 1.0:
        return f"<circle class='{css}' cx='{u:.1f}' cy='{v:.1f}' r='3' fill='{color}'/>"
    a, b = (u - x) / length, (v - y) / length
    left = (u - 9 * a + 4 * b, v - 9 * b - 4 * a)
    right = (u - 9 * a - 4 * b, v - 9 * b + 4 * a)
    return (
        f"<g class='{css}'><path d='M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}' stroke='{color}' "
        f"stroke-width='2.5' fill='none'/><path d='M{u:.1f} {v:.1f}L{left[0]:.1f} {left[1]:.1f}"
        f"L{right[0]:.1f} {right[1]:.1f}Z' fill='{color}'/></g>"
    )


def _name(label: Label, tip: tuple[float, float], color: str, ink: str) -> str:
    near = (max(label.x, min(tip[0], label.x + label.width)), label.y + label.height / 2)
    return (
        f"<path class='leader' d='M{tip[0]:.1f} {tip[1]:.1f}L{near[0]:.1f} {near[1]:.1f}' "
        f"stroke='{color}' stroke-width='1' fill='none'/>"
        f"<text x='{label.x + 2:.1f}' y='{label.y + 11.5:.1f}' fill='{ink}'>"
        f"{escape(label.text)}</text>"
    )


def _caption(found: Arrows) -> str:
    kept = "Arrows that stand close together change the model in the same directions. "
    kept += (
        "The picture is flat, and all distances between them are true."
        if found.share > _ALL
        else "A flat picture cannot hold them all: this one keeps "
        f"<b>{found.share:.0%}</b> of the distances."
    )
    if found.after is None:
        return f"Each arrow is what one task changes in the base. {kept}"
    apart = "" if found.joined else " After is laid as near to before as it can be."
    return (
        "Each arrow is what one task changes in the base: pale before, all of one length; strong "
        f"after, as long as what is left of it; dashed the way between. {kept}{apart}"
    )


def _label(found: Arrows) -> str:
    return f"Map of {len(found.tasks)} tasks as arrows from the base: {', '.join(found.tasks)}"


def _alone(found: Arrows) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDE}' height='{_HIGH + 30}' "
        f"viewBox='0 0 {_WIDE} {_HIGH + 30}'>{_STYLE}<rect width='100%' height='100%' "
        f"fill='#ffffff'/>{_drawn(found, '#111111')}<text x='12' y='{_HIGH + 18}' fill='#111111'>"
        f"{found.share:.0%} of the squared distances are kept in this plane</text></svg>"
    )


def _csv(found: Arrows) -> str:
    sets = [("before", found.before)]
    if found.after is not None:
        sets.append(("after", found.after))
    rows = [
        [when, task, *map(float, point)]
        for when, points in sets
        for task, point in zip(found.tasks, points, strict=True)
    ]
    return csv_text(["when", "task", "x", "y"], rows)
