"""Line charts: what is drawn where, and that names are text."""

import re
import xml.etree.ElementTree as ET

import pytest

from studio.ui.charts.line_figure import figure
from studio.ui.charts.lines import COLORS, CUT, Chart, Series, cut, legend, shown, standalone

EVIL = "<img src=x onerror=1>"
RISING = Series("a", 0, ((1.0, 0.2, None), (2.0, 0.4, 0.1), (3.0, 0.6, 0.1)))
FLAT = Series(EVIL, 9, ((1.0, 0.5, None), (3.0, 0.5, None)))
CHART = Chart("ACC", "arrived", (RISING, FLAT), (1.0, 2.0, 3.0), True, (0.0, 1.0), ("Note.",))


def heights(drawn: str, name: str) -> list[float]:
    marks = re.findall(r"translate\(([\d.]+) ([\d.]+)\)'><path[^>]*/><title>([^,]*), ", drawn)
    return [float(y) for _, y, title in marks if title == name]


def test_higher_values_are_drawn_higher_and_equal_ones_level():
    drawn = shown(CHART, "ACC of two")
    a, b, c = heights(drawn, "a")
    assert a > b > c
    assert a - b == pytest.approx(b - c, abs=0.2)
    one, other = heights(drawn, "&lt;img src=x onerror=1&gt;")
    assert one == other
    assert "ACC of two" in drawn


def test_a_plain_line_of_one_point_is_seen():
    one = Series("a", 0, RISING.points[:1], "plain")
    assert len(heights(shown(Chart("ACC", "arrived", (one,), (1.0,)), ""), "a")) == 1
    several = Series("a", 0, RISING.points, "plain")
    assert heights(shown(Chart("ACC", "arrived", (several,), (1.0,)), ""), "a") == []


def test_both_pictures_are_well_formed_and_names_are_text():
    for drawn in (shown(CHART, EVIL), standalone(CHART)):
        assert "<img" not in drawn
        ET.fromstring(drawn)
    assert "Note." in standalone(CHART)
    assert "<img" not in legend(CHART.series)


def test_colors_repeat_with_another_shape():
    first, ninth = (re.search(r"<path d='([^']+)' fill='([^']+)'", legend([s])) for s in
                    (Series("x", 1, ()), Series("y", 1 + len(COLORS), ())))  # fmt: skip
    assert first
    assert ninth
    assert first[2] == ninth[2]
    assert first[1] != ninth[1]


def test_ticks_are_round_and_hold_all_values():
    texts = re.findall(r">(-?[\d.]+ %)<", shown(CHART, ""))
    assert texts == ["0 %", "20 %", "40 %", "60 %", "80 %"]


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 6.0, 1e-9, 12345.0])
def test_a_single_value_has_an_axis_of_its_own(value):
    point = ((1.0, value, None),)
    drawn = shown(Chart("x", "t", (Series("a", 0, point),), (1.0,)), "x")
    (y,) = heights(drawn, "a")
    assert 0 <= y <= 250


def test_a_band_ends_where_values_end():
    wide = Series("a", 0, ((1.0, 0.9, 0.3), (2.0, 0.9, 0.3)))
    texts = re.findall(r">(-?[\d.]+ %)<", shown(Chart("x", "t", (wide,), (), True, (0, 1)), ""))
    assert texts[-1] == "100 %"


def test_the_deviation_of_a_single_point_is_a_line():
    single = Series("a", 0, ((2.0, 0.5, 0.1),))
    drawn = shown(Chart("x", "t", (single,), (1.0, 2.0)), "")
    assert "stroke-opacity='.6'" in drawn
    assert "<polygon" not in drawn


def test_an_axis_begins_at_0_or_says_that_it_does_not():
    high = Series("a", 0, ((1.0, 0.62, None), (2.0, 0.9, None)))
    chart = Chart("ACC", "arrived", (high,), (1.0, 2.0), True, (0.0, 1.0))
    assert cut(chart)
    for drawn in (shown(chart, ""), standalone(chart)):
        assert f">{CUT}</text>" in drawn
        assert ">60 %<" in drawn
    assert f"; the {CUT}'" in figure(chart, "", saved=False)
    assert not cut(CHART)
    assert CUT not in shown(CHART, "")
    assert CUT not in figure(CHART, "", saved=False)


def test_what_has_no_natural_0_is_not_marked():
    change = Series("a", 0, ((1.0, 5.0, None), (2.0, 6.0, None)))
    assert not cut(Chart("BWT", "arrived", (change,), (1.0, 2.0)))
