"""A line chart as a figure of the page."""

from studio.ui.charts.line_figure import figure
from studio.ui.charts.lines import Chart, Series

EVIL = "<b>&'\""


def chart() -> Chart:
    line = Series(EVIL, 0, ((0.0, 0.25, None), (1.0, 0.5, None)))
    return Chart(EVIL, "steps", (line,), (0.0, 1.0), percent=True)


def test_a_figure_says_in_words_where_its_lines_begin_and_end_and_escapes_names():
    shown = figure(chart(), "<p>below</p>", saved=False, key="loss")
    assert EVIL not in shown
    assert "25.0 % to 50.0 %" in shown
    assert "<figure data-curve='loss'>" in shown
    assert "<p>below</p>" in shown


def test_only_a_whole_chart_offers_files():
    growing, whole = (figure(chart(), "", saved) for saved in (False, True))
    assert "text/csv" not in growing
    assert "text/csv" in whole
