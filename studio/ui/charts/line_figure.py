"""A line chart as a figure of the page: title, drawing, words, and its files once it is done."""

from html import escape

from studio.disk.csv import csv_text
from studio.ui.charts import lines
from studio.ui.charts.lines import Chart
from studio.ui.charts.saves import folded, picture_saves


def figure(
    chart: Chart, below: str, saved: bool, key: str = "", name: str = "", quiet: bool = False
) -> str:
    """The figure.

    Args:
        chart: what it shows.
        below: HTML under the drawing.
        saved: whether SVG, PNG and CSV are offered; a chart that still grows offers none.
        key: tells the charts of a page from each other.
        name: of the files; without one, the title.
        quiet: whether they stand behind one word, for a figure among many.
    """
    saves = _saves(chart, name or chart.title) if saved else ""
    saves = folded(saves, chart.title) if saves and quiet else saves
    ends = ", ".join(
        f"{each.name} {_number(each.points[0][1], chart.percent)} to "
        f"{_number(each.points[-1][1], chart.percent)}"
        for each in chart.series
        if each.style != "thin"
    )
    ends += f"; the {lines.CUT}" if lines.cut(chart) else ""
    return (
        f"<figure data-curve='{key}'><figcaption><b>{escape(chart.title)}</b></figcaption>"
        f"{lines.shown(chart, f'{chart.title}: {ends}')}{below}"
        f"{saves}</figure>"
    )


def _saves(chart: Chart, name: str) -> str:
    rows = [(each.name, each.style, *point) for each in chart.series for point in each.points]
    csv = csv_text(["line", "style", chart.across, chart.title, chart.band], rows)
    return picture_saves(name, lines.standalone(chart), csv)


def _number(value: float, percent: bool) -> str:
    return f"{100 * value + 0.0:.1f} %" if percent else f"{value:.3g}"
