"""Lines of equal height lie where a straight rise between measured places has that height."""

import pytest

from studio.ui.charts.contour_lines import contour, levels


def test_a_slope_has_a_straight_line_at_its_height():
    across, up = (0.0, 1.0, 2.0), (0.0, 1.0)
    heights = [[0.0, 10.0, 20.0], [0.0, 10.0, 20.0]]
    assert contour(across, up, heights, 15.0) == [((1.5, 0.0), (1.5, 1.0))]
    assert contour(across, up, heights, 25.0) == []


def test_every_end_has_the_height_of_the_line():
    across = up = (0.0, 1.0, 2.0)
    heights = [[x * x + y for x in across] for y in up]
    ends = [end for segment in contour(across, up, heights, 1.7) for end in segment]
    assert len(ends) > 2
    for x, y in ends:
        left, low = min(int(x), 1), min(int(y), 1)
        u, v = x - left, y - low
        corners = [[heights[low + j][left + i] for i in (0, 1)] for j in (0, 1)]
        rise = [row[0] + (row[1] - row[0]) * u for row in corners]
        assert rise[0] + (rise[1] - rise[0]) * v == pytest.approx(1.7)


def test_a_saddle_has_two_lines_that_do_not_cross():
    square = (0.0, 1.0)
    high = contour(square, square, [[1.0, 0.0], [0.0, 1.0]], 0.4)  # the middle, 0.5, is above
    assert high == [((0.6, 0.0), (1.0, 0.4)), ((0.4, 1.0), (0.0, 0.6))]
    low = contour(square, square, [[1.0, 0.0], [0.0, 1.0]], 0.6)
    assert low == [((0.0, 0.4), (0.4, 0.0)), ((1.0, 0.6), (0.6, 1.0))]


def test_what_was_not_measured_has_no_line():
    assert contour((0.0, 1.0), (0.0, 1.0), [[0.0, 1.0], [None, 1.0]], 0.5) == []
    assert levels(0.0, 4.0, 3) == [1.0, 2.0, 3.0]
