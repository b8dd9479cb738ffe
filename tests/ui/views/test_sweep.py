"""The sweep's views: every number is the landscape's, holes are said, names are text."""

import re
from dataclasses import replace

import pytest

from studio.recipe import Recipe, TaskEntry
from studio.sweep.axis import Axis, places
from studio.sweep.landscape import Landscape, SweepCost, SweepPoint
from studio.ui.charts.contour import figure, grid
from studio.ui.views import sweep as views
from tests.outcomes import outcome, with_losses

EVIL = "<img src=x onerror=1>"
RECIPE = Recipe("/b", (TaskEntry("red", "/r", 0.4), TaskEntry(EVIL, "/e", 0.4)))
X, Y = Axis("strength", 0.0, 1.0), Axis(f"coefficient.{EVIL}", 0.0, 2.0)


def point(place, right: int) -> SweepPoint:
    """Of 10 rows of each task; the second task has one right fewer."""
    rights = {"red": right, EVIL: right - 1}
    return SweepPoint(place, outcome({n: [1] * k + [0] * (10 - k) for n, k in rights.items()}))


def map_of(level: int, hole: tuple = ()) -> Landscape:
    """Right rows rise with the first axis and fall with the second."""
    made = [
        SweepPoint(p, None, f"No {EVIL}.") if p == hole else point(p, round(4 + 4 * p[0] - p[1]))
        for p in places([X, Y], level)
    ]
    return Landscape(RECIPE, (X, Y), level, point((1.0, 0.4), 7), tuple(made))


def curve() -> Landscape:
    made = (point((0.0,), 3), point((1.0,), 6), point((0.5,), 8))
    return Landscape(RECIPE, (X,), 1, point((0.75,), 7), made)


def traces(found: Landscape, path=()) -> list:
    return list(figure(found, path).data)


def trace(drawn: list, name: str):
    return next(each for each in drawn if each.name == name)


def test_before_a_sweep_it_is_said_what_it_takes():
    assert views.results(None, False) == views.NOTHING
    assert views.notes(None) == ""
    words = views.cost(SweepCost(25, 120), (X, Y))
    assert "strength from 0 to 1 and coefficient of &lt;img" in words
    assert "25 points x 120 validation rows = 3,000 row evaluations" in words
    assert EVIL not in views.refused(EVIL)


@pytest.mark.parametrize(("level", "kind"), [(1, "heatmap"), (2, "contour")])
def test_a_map_is_heat_at_first_and_contours_from_5_by_5(level, kind):
    found = map_of(level)
    surface, dots, *_ = traces(found)
    assert surface.type == kind
    assert (list(surface.x), list(surface.y)) == (list(X.values(level)), list(Y.values(level)))
    for row, y in zip(surface.z, surface.y, strict=True):
        points = [found.at(x, y) for x in surface.x]
        assert list(row) == [100 * p.means[0].value for p in points if p]
    assert list(dots.x) == [p.place[0] for p in found.known]
    assert list(dots.marker.color) == [100 * p.means[0].value for p in found.known]
    assert re.match(r"mean 35.0% ± .*<br>red 40.0%, n=10<br>&lt;img.* 30.0%, n=10", dots.text[0])
    assert "<img" not in str(figure(found))


def test_an_unfinished_level_is_dots_on_the_one_before():
    whole = map_of(2)
    order = sorted(whole.points, key=lambda p: p.place not in places([X, Y], 1))
    found = replace(whole, points=tuple(order[:12]))
    surface, dots, *_ = traces(found)
    assert (surface.type, len(surface.x), len(dots.x)) == ("heatmap", 3, 12)
    begun = replace(whole, points=tuple(order[:2]))
    assert sum(p is not None for row in grid(begun)[2] for p in row) == 2


def test_present_best_and_holes_are_marked():
    found = map_of(1, hole=(0.5, 0.0))
    drawn = traces(found)
    assert (trace(drawn, "present mix").x[0], trace(drawn, "present mix").y[0]) == (1.0, 0.4)
    best = trace(drawn, "best point")
    assert ((best.x[0], best.y[0]),) == ((1.0, 0.0),)
    holes = trace(drawn, "cannot be merged")
    assert (holes.x[0], holes.y[0], holes.text[0]) == (0.5, 0.0, "No &lt;img src=x onerror=1>.")
    assert drawn[0].z[0][1] is None
    assert "No number: No &lt;img" in views.notes(found)
    unset = replace(found, here=replace(found.here, place=(None, 0.4)))
    assert "present mix" not in [each.name for each in traces(unset)]


def test_a_path_is_a_line_with_its_ends():
    steps = ((0.2, 1.0), (0.4, 0.8), (0.9, 0.1))
    drawn = traces(map_of(1), steps)
    line = trace(drawn, "path of the search")
    assert (list(line.x), list(line.y)) == ([0.2, 0.4, 0.9], [1.0, 0.8, 0.1])
    assert (trace(drawn, "search: start").x[0], trace(drawn, "search: end").y[0]) == (0.2, 0.1)
    assert "The path of the search is projected" in views.notes(map_of(1), steps)
    assert "path of the search" not in views.notes(map_of(1))


def test_a_curve_has_its_band_the_present_mix_and_every_task():
    drawn = views.results(curve(), False)
    assert drawn.count("data-curve") == 2
    assert "mean over tasks, 0.5: 75.0 %" in drawn
    assert "present mix, 0.75: 65.0 %" in drawn
    assert "best point, 0.5: 75.0 %" in drawn
    assert "&lt;img src=x onerror=1&gt;, 1: 50.0 %" in drawn
    assert "<polygon" in drawn  # the band
    assert "sweep-moved" not in drawn
    assert "sweep-moved" in views.results(curve(), True)
    assert "<img" not in drawn + views.notes(curve())


def test_a_path_on_a_curve_lies_on_it_and_leaves_out_what_is_beyond():
    # between 0.5 (75 %) and 1 (55 %) the value at 0.75 is 65 %
    drawn = views.results(curve(), False, ((0.75,), (0.5,), (1.5,), (0.25,)))
    assert re.findall(r"path of the search, ([\d.]+): ([\d.]+) %", drawn) == [
        ("0.75", "65.0"), ("0.5", "75.0"), ("0.25", "50.0"),
    ]  # fmt: skip
    assert "search: start, 0.75" in drawn
    assert "search: end, 0.25" in drawn
    assert "search: start" not in views.results(curve(), False, ((7.0,),))


def test_under_it_stands_what_it_shows_and_the_table():
    said = views.notes(curve())
    assert "the mean over 2 tasks, n=20 rows" in said
    half = 100 * max(p.means[0].half for p in curve().known)
    assert f"at most ± {half:.1f} points" in said
    assert "held at the mix's values" in said
    assert re.findall(r"<th scope='row'>(.*?)</th><td>(.*?) ±", said) == [
        ("0", "25.0%"), ("0.5", "75.0%"), ("1", "55.0%"),
    ]  # fmt: skip
    table = views.notes(map_of(1))
    assert re.findall(r"<th scope='row'>(.*?)</th><td>(.*?) ±", table) == [
        ("2", "15.0%"), ("1", "25.0%"), ("0", "35.0%"),
    ]  # fmt: skip
    assert "data-of='landscape-plot'" in table
    growing = replace(map_of(1), points=map_of(1).points[:4])
    assert "class='saves'" not in views.notes(growing)


def in_nats(found: Landscape, *names: str) -> Landscape:
    """The same with tasks that have a loss, the lower the more rows were right."""

    def of(each: SweepPoint) -> SweepPoint:
        assert each.outcome is not None
        marks = each.outcome.marks
        nats = {name: 6 - 4 * marks[name].values for name in names}
        return replace(each, outcome=with_losses(each.outcome, nats))

    return replace(found, here=of(found.here), points=tuple(map(of, found.points)))


def test_of_losses_the_lowest_point_is_best_and_light_on_the_map():
    losses = in_nats(curve(), "red", EVIL)
    assert losses.best == losses.at(0.5)
    drawn = views.results(losses, False)
    assert "mean loss 1.500 (n=20 validation rows)" in drawn
    assert "nats per token against the present recipe" in drawn
    assert "Validation loss by strength" in drawn
    assert "ccuracy" not in drawn + views.notes(losses)
    colors = figure(in_nats(map_of(2), "red", EVIL)).layout.coloraxis
    assert colors.reversescale
    assert colors.colorbar.title.text == "nats"


def test_of_both_metrics_each_has_its_curve_and_the_choice_is_said():
    mixed = in_nats(curve(), "red")
    drawn = views.results(mixed, False)
    assert "Validation accuracy by strength" in drawn
    assert "Validation loss by strength" in drawn
    assert mixed.best == mixed.at(0.5)
    assert "a point of accuracy counts as a percent of a loss" in views.notes(mixed)
    whole = figure(in_nats(map_of(2), "red"))
    assert whole.layout.coloraxis.colorbar.title.text == "% of both"
    assert "mean loss" in trace(list(whole.data), "best point").text[0]
