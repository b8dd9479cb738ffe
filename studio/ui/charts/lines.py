"""Line charts as SVG: for the page, and as a file that stands alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, inf, log10
from textwrap import wrap

Point = tuple[float, float, float | None]
Place = Callable[[float, float], tuple[float, float]]

# Okabe and Ito's colors, dark enough on white and light enough on black; shapes repeat them.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#8C6BB1", "#7F7F7F")
_SHAPES = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "M0,-5L5,0L0,5L-5,0Z", "M-4,-4H4V4H-4Z",
    "M-2,-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z", "M0,-5L5,4H-5Z", "M0,5L5,-4H-5Z",
    "M-5,-1H5V1H-5Z", "M-1,-5H1V5H-1Z",
)  # fmt: skip
_WIDTH, _HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 42
_INK, _LINE, _HEAD = "#111111", 18, 26
_TICKS = 5
CUT = "axis does not start at 0"


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: of it.
        number: of its color and shape, the same in every chart.
        points: ``(x, y, deviation)`` in rising x; a deviation of None draws no band.
        style: 'marked' at every point; 'plain', 'thin' or 'dashed' without marks, but for a
            plain line of one point, which would not be seen.
    """

    name: str
    number: int
    points: tuple[Point, ...]
    style: str = "marked"


@dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes:
        title: of the figure.
        across: what x is.
        series: at least one with a point.
        ticks: values of x that are written.
        percent: whether y is a share, written in percent.
        limits: lowest and highest value that there can be; bands end there.
        notes: lines below the chart in a saved file.
        band: what the third number of a point is.
    """

    title: str
    across: str
    series: tuple[Series, ...]
    ticks: tuple[float, ...]
    percent: bool = False
    limits: tuple[float, float] = (-inf, inf)
    notes: tuple[str, ...] = ()
    band: str = "standard deviation"


def shown(chart: Chart, label: str) -> str:
    """The chart in the page's colors; ``label`` says to a screen reader what it holds."""
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{escape(label)}'>"
        f"{_drawn(chart, 'currentColor')}</svg>"
    )


def standalone(chart: Chart) -> str:
    """The chart as a file: dark on white, with its title, legend and notes."""
    lines = [line for note in chart.notes for line in wrap(note, int((_WIDTH - 24) / 6.6))]
    keys = [each for each in chart.series if each.style != "thin"] or chart.series
    start = _HEIGHT + _HEAD
    named = "".join(
        f"<g transform='translate(20 {start + _LINE * i + 10})'>{_key(each)}"
        f"<text x='12' y='4' font-size='12' fill='{_INK}'>{escape(each.name)}</text></g>"
        for i, each in enumerate(keys)
    )
    start += _LINE * len(keys)
    notes = "".join(
        f"<text x='12' y='{start + _LINE * (i + 1)}' font-size='12' fill='{_INK}'>"
        f"{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    height = start + _LINE * (len(lines) + 1)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{height}' viewBox='0 0 "
        f"{_WIDTH} {height}' font-family='system-ui, sans-serif'><rect width='100%' height='100%' "
        f"fill='#ffffff'/><text x='12' y='20' font-size='14' font-weight='600' fill='{_INK}'>"
        f"{escape(chart.title)}</text><g transform='translate(0 {_HEAD})'>{_drawn(chart, _INK)}</g>"
        f"{named}{notes}</svg>"
    )


def cut(chart: Chart) -> bool:
    """Whether the axis leaves out 0, though values begin there; the chart then says so."""
    low, _, step = _range(chart)
    return chart.limits[0] == 0 and low > step / 2


def legend(series: Sequence[Series]) -> str:
    """Every line's mark and name, once for several charts."""
    return "".join(
        f"<span class='key'><svg viewBox='-8 -8 16 16' width='16' height='16' aria-hidden='true'>"
        f"{_key(each)}</svg>{escape(each.name)}</span>"
        for each in series
    )


def _key(series: Series) -> str:
    if series.style == "marked":
        return _mark(series.number)
    return f"<path d='M-8,0H8' {_stroke(series)}/>"


def _stroke(series: Series) -> str:
    """How its line is drawn."""
    style = {
        "marked": "stroke-width='2'", "plain": "stroke-width='2'",
        "thin": "stroke-width='1' stroke-opacity='.55'",
        "dashed": "stroke-width='2' stroke-dasharray='5 4'",
    }  # fmt: skip
    return f"fill='none' stroke='{COLORS[series.number % len(COLORS)]}' {style[series.style]}"


def _mark(number: int) -> str:
    color = COLORS[number % len(COLORS)]
    shape = _SHAPES[(number + number // len(COLORS)) % len(_SHAPES)]
    return f"<path d='{shape}' fill='{color}'/>"


def _drawn(chart: Chart, ink: str) -> str:
    low, high, step = _range(chart)
    xs = [x for each in chart.series for x, _, _ in each.points] + list(chart.ticks)
    first, last = min(xs), max(xs)
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / (last - first) if last > first else 0.5
        return _LEFT + wide * (0.02 + 0.96 * across), _TOP + tall * (high - y) / (high - low)

    parts = [_frame(chart, ink, place, (low, high, step))]
    parts += [_band(chart, each, place) for each in chart.series]
    parts += [_line(each, place, chart.percent) for each in chart.series]
    return "".join(parts)


def _range(chart: Chart) -> tuple[float, float, float]:
    """Lowest and highest value of the axis, and the step between its lines."""
    points = [point for each in chart.series for point in each.points]
    values = [value for _, *ends in _ends(chart, points) for value in ends]
    low, high = min(values), max(values)
    if chart.limits[0] == 0 and low <= high / 2:  # else it would be mostly empty, and is marked
        low = 0.0
    span = high - low or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / _TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= _TICKS)
    bottom = floor(low / step) * step
    return bottom, max(ceil(high / step) * step, bottom + step), step


def _frame(chart: Chart, ink: str, place: Place, axis: tuple[float, float, float]) -> str:
    low, high, step = axis
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for i in range(round((high - low) / step) + 1):
        value = low + i * step
        y = place(0.0, value)[1]
        strong = ".6" if abs(value) < step / 2 else ".25"
        parts.append(
            f"<line x1='{_LEFT}' x2='{right}' y1='{y:.1f}' y2='{y:.1f}' stroke='#808080' "
            f"stroke-opacity='{strong}'/><text x='{_LEFT - 6}' y='{y + 4:.1f}' text-anchor='end' "
            f"font-size='12' fill='{ink}'>{_written(value, step, chart.percent)}</text>"
        )
    for tick in chart.ticks:
        x = place(tick, low)[0]
        parts.append(
            f"<text x='{x:.1f}' y='{bottom + 17}' text-anchor='middle' font-size='12' "
            f"fill='{ink}'>{tick:g}</text>"
        )
    if cut(chart):
        parts.append(
            f"<path d='M{_LEFT - 7},{bottom - 4}l5,-4l4,8l5,-4' fill='none' stroke='{ink}' "
            f"stroke-width='1.5'><title>{CUT}</title></path>"
            f"<text x='{_LEFT + 8}' y='{bottom - 4}' font-size='11' fill='{ink}'>{CUT}</text>"
        )
    middle = (_LEFT + right) / 2
    parts.append(
        f"<text x='{middle:.0f}' y='{_HEIGHT - 6}' text-anchor='middle' font-size='12' "
        f"fill='{ink}'>{escape(chart.across)}</text>"
    )
    return "".join(parts)


def _written(value: float, step: float, percent: bool) -> str:
    shown, apart = (100 * value, 100 * step) if percent else (value, step)
    digits = max(0, -floor(log10(apart)))
    return f"{round(shown, digits) + 0.0:.{digits}f}{' %' if percent else ''}"


def _ends(chart: Chart, points: Sequence[Point]) -> list[tuple[float, float, float]]:
    """x, mean minus and mean plus a deviation, within the limits."""
    low, high = chart.limits
    return [(x, max(y - (d or 0.0), low), min(y + (d or 0.0), high)) for x, y, d in points]


def _band(chart: Chart, series: Series, place: Place) -> str:
    ends = _ends(chart, [point for point in series.points if point[2] is not None])
    if not ends:
        return ""
    over = [place(x, upper) for x, _, upper in ends]
    under = [place(x, lower) for x, lower, _ in reversed(ends)]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*over, *under))
    color = COLORS[series.number % len(COLORS)]
    if len(ends) == 1:  # a band of one point has no width
        return f"<polyline points='{corners}' fill='none' stroke='{color}' stroke-opacity='.6'/>"
    return f"<polygon points='{corners}' fill='{color}' fill-opacity='.16'/>"


def _line(series: Series, place: Place, percent: bool) -> str:
    corners = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y, _ in series.points)
    alone = series.style == "plain" and len(series.points) == 1
    if series.style != "marked" and not alone:
        first, last = series.points[0], series.points[-1]
        words = f"{_said(series, first, percent)} to {_said(series, last, percent)}"
        return f"<polyline points='{corners}' {_stroke(series)}><title>{words}</title></polyline>"
    marks = "".join(
        f"<g transform='translate({place(x, y)[0]:.1f} {place(x, y)[1]:.1f})'>"
        f"{_mark(series.number)}<title>{_said(series, (x, y, d), percent)}</title></g>"
        for x, y, d in series.points
    )
    return f"<polyline points='{corners}' {_stroke(series)}/>{marks}"


def _said(series: Series, point: Point, percent: bool) -> str:
    x, y, _ = point
    return f"{escape(series.name)}, {x:g}: {f'{100 * y:.1f} %' if percent else f'{y:.4g}'}"
