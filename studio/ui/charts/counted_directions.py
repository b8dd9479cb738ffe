"""How often a merge counts the directions that its tasks share, layer by layer."""

from collections.abc import Sequence
from html import escape
from statistics import fmean

from studio.geometry.scopes import layer_of
from studio.session.background import Answer
from studio.ui.charts.grids import short

Counts = dict[str, dict]
_WIDTH, _HEIGHT, _EDGE = 240, 22, 8
_SENTENCE = (
    "Tasks that change the model along the same direction each add it, so the merge goes there "
    "several times as far as one task asks: 1 is as far as asked, 2 twice as far, below 1 less."
)
_NOTHING = "No task changes a matrix, so there is no direction to count."


def counted_view(found: Answer[Counts], floor: float | None) -> str:
    """A row per layer with a dot per leading direction, as HTML; or why there is none yet.

    Args:
        found: as ``inspection.counted_directions`` gives it, of the mix before any ``svc``.
        floor: the mix's ``svc``; None if it has none.
    """
    if found.refusal:
        return f"<p>{escape(found.refusal)}</p>"
    if found.made is None:
        return "<p class='quiet'>Counting the directions that the tasks share …</p>"
    layers: dict[str, list[tuple[float, float]]] = {}
    for name, each in found.made.items():
        pairs = zip(each["often"], each["lengths"], strict=True)
        layers.setdefault(layer_of(name), []).extend(pairs)
    if not layers:
        return f"<p>{_NOTHING}</p>"
    most = max(2.0, *(often for pairs in layers.values() for often, _ in pairs))
    rows = "".join(_row(layer, pairs, most) for layer, pairs in layers.items())
    return (
        f"<p id='counted-words'>{_SENTENCE} {_after(floor)}</p><div class='scroll' tabindex='0' "
        "role='region' aria-label='How often directions are counted'><table class='studio counted'>"
        "<caption>A dot is one of the longest directions of a matrix of the layer, the line is 1"
        "</caption><thead><tr><th scope='col'>layer</th><th scope='col'>0 to "
        f"{most:.1f} times</th><th scope='col'>mean, by length</th><th scope='col'>most</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _after(floor: float | None) -> str:
    if floor is None:
        return "<b>count what is shared once</b> (svc) would shorten what lies right of the line."
    return f"svc at {floor:g} is in the mix and shortens what lies right of the line."


def _row(layer: str, pairs: Sequence[tuple[float, float]], most: float) -> str:
    whole = sum(length for _, length in pairs)
    mean = sum(often * length for often, length in pairs) / whole if whole else fmean(
        often for often, _ in pairs
    )  # fmt: skip
    largest = max(often for often, _ in pairs)
    return (
        f"<tr><th scope='row' title='{escape(layer)}'>{escape(short(layer, 24))}</th>"
        f"<td>{_strip(pairs, most, f'{layer}: mean {mean:.2f}, most {largest:.2f}')}</td>"
        f"<td>{mean:.2f}</td><td>{largest:.2f}</td></tr>"
    )


def _strip(pairs: Sequence[tuple[float, float]], most: float, label: str) -> str:
    longest = max(length for _, length in pairs) or 1.0

    def at(often: float) -> float:
        return _EDGE + max(often, 0.0) / most * (_WIDTH - 2 * _EDGE)

    dots = "".join(
        f"<circle cx='{at(often):.1f}' cy='{_HEIGHT / 2:.0f}' r='{2 + 4 * length / longest:.1f}' "
        "fill='currentColor' fill-opacity='.35'/>"
        for often, length in pairs
    )
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' height='{_HEIGHT}' role='img' "
        f"aria-label='{escape(label, quote=True)}'><line x1='{at(1):.1f}' x2='{at(1):.1f}' y1='0' "
        f"y2='{_HEIGHT}' stroke='currentColor'/>{dots}</svg>"
    )
