"""Cosine matrices as SVG: numbers up to ten tasks, blue for negative, orange for positive."""

from html import escape

from torch import Tensor

from studio.geometry import scopes
from studio.geometry.gram import Gram, cosine
from studio.geometry.orthogonal import largest_cosine
from studio.session.worker import Geometry

_SIZE, _LEFT, _TOP = 420, 132, 6
_NEGATIVE, _ZERO, _POSITIVE = (0, 90, 160), (247, 247, 247), (213, 94, 0)


def places(geometry: Geometry | None, scope: str) -> list[str]:
    """The layers or tensors that a matrix can be shown for."""
    if geometry is None or scope == "model":
        return []
    return list(dict.fromkeys(scopes.labels(geometry.before.names, scope)))


def matrices(geometry: Geometry | None, scope: str, place: str | None) -> str:
    """Cosines before and after, over the model, a layer or a tensor."""
    if geometry is None:
        return "<p class='quiet'>Measuring the deltas …</p>"
    tasks = geometry.before.tasks
    if len(tasks) < 2:
        return (
            "<p>One task is merged: there is nothing to be orthogonal to. "
            "Tick a second task to see cosines.</p>"
        )
    before, after = (_block(gram, scope, place) for gram in (geometry.before, geometry.after))
    return (
        f"<div class='matrices'>{_figure(before, tasks, 'Before')}"
        f"{_figure(after, tasks, 'After')}</div>{_words(geometry)}"
    )


def _words(geometry: Geometry) -> str:
    within = {"model": "over the whole model", "layer": "in each layer", "tensor": "in each tensor"}
    weighed = (
        " After is measured with every layer weighed alike, as the method does it."
        if geometry.weighed
        else ""
    )
    return (
        "<p class='quiet'>Cosine of two tasks' deltas: 1 the same direction, 0 unrelated, -1 "
        "opposed. After: the components that the mixer's coefficients multiply. Largest cosine "
        f"left {within[geometry.scope]}: <b id='residual'>{geometry.residual:.1e}</b>, measured "
        f"on the components themselves.{weighed}</p>"
    )


def _block(gram: Gram, scope: str, place: str | None) -> Tensor:
    labels, grouped = gram.grouped(scope)
    index = labels.index(place) if place in labels else 0
    return grouped[index]


def _figure(gram: Tensor, tasks: tuple[str, ...], title: str) -> str:
    cosines, n = cosine(gram).tolist(), len(tasks)
    side = (_SIZE - _LEFT) / n
    font = 12 if n <= 6 else 11 if n <= 10 else 8
    cells = []
    for i, row in enumerate(cosines):
        for j, value in enumerate(row):
            x, y = _LEFT + j * side, _TOP + i * side
            words = f"{escape(tasks[i])} and {escape(tasks[j])}: {round(value, 4) + 0.0:+.4f}"
            cells.append(
                f"<rect x='{x:.1f}' y='{y:.1f}' width='{side - 1:.1f}' height='{side - 1:.1f}' "
                f"fill='{_color(value)}'><title>{words}</title></rect>"
            )
            if n <= 10:
                ink = "#fff" if abs(value) > 0.7 else "#222"
                cells.append(
                    f"<text x='{x + side / 2:.1f}' y='{y + side / 2 + font / 3:.1f}' fill='{ink}' "
                    f"text-anchor='middle' font-size='{font}'>{round(value, 2) + 0.0:.2f}</text>"
                )
    names = "".join(
        f"<text x='{_LEFT - 6}' y='{_TOP + (i + 0.5) * side + font / 3:.1f}' text-anchor='end' "
        f"font-size='{font}' fill='currentColor'>{escape(_short(task))}"
        f"<title>{escape(task)}</title></text>"
        for i, task in enumerate(tasks)
    )
    largest = largest_cosine(gram)
    shown = f"{largest:.3f}" if largest >= 5e-4 else f"{largest:.0e}"
    return (
        f"<figure><figcaption>{title}: largest cosine between two tasks <b>{shown}</b>"
        f"</figcaption><svg viewBox='0 0 {_SIZE} {_SIZE - _LEFT + _TOP}' role='img' "
        f"aria-label='{title}: cosine matrix of {n} tasks, largest off-diagonal {shown}'>"
        f"{names}{''.join(cells)}</svg></figure>"
    )


def _short(name: str) -> str:
    return name if len(name) <= 18 else name[:17] + "…"


def _color(value: float) -> str:
    end = _POSITIVE if value >= 0 else _NEGATIVE
    share = min(abs(value), 1.0)
    mixed = (round(z + (e - z) * share) for z, e in zip(_ZERO, end, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
