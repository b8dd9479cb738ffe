"""One scale of colors: its numbers can be read in both modes, and the sheet has the same colors."""

import re

import pytest

from studio.ui.charts.shades import colors, legend, shade
from studio.ui.components import static


def luminance(color: tuple[int, ...]) -> float:
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in _of_one(color)]
    return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True)) + 0.05


def _of_one(color: tuple[int, ...]) -> list[float]:
    return [each / 255 for each in color]


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_are_readable_on_every_color(dark):
    for step in range(-20, 21):
        low, high = sorted(map(luminance, colors(step / 20, dark)))
        assert high / low >= 4.5


def test_nothing_is_dark_in_the_dark_and_light_in_the_light():
    assert luminance(colors(0.0, True)[0]) < 0.1
    assert luminance(colors(0.0, False)[0]) > 0.9


@pytest.mark.parametrize("dark", [False, True])
def test_the_style_sheet_has_these_colors(dark):
    rule = re.search(r"\.dark \{([^}]*)" if dark else r":root \{([^}]*)", static("why.css"))
    assert rule
    for name, share in (("nothing", 0.0), ("minus", -1.0), ("plus", 1.0)):
        ground = "#" + "".join(f"{x:02x}" for x in colors(share, dark)[0])
        assert f"--{name}: {ground};" in rule[1]


def test_a_cell_says_which_end_how_far_and_which_ink_in_either_mode():
    assert shade(1.0) == "class='shade plus l0 d0' style='--share:100%'"
    assert "minus" in shade(-0.3)
    assert "--share:100%" in shade(-7.0)
    assert shade(0.0) == "class='shade plus l0 d1' style='--share:0%'"


def test_the_legend_names_both_ends_and_the_middle_where_there_are_two_ends():
    both = legend("-1: <a>", "0", "1", True)
    assert both.count("<span>") == 3
    assert "&lt;a&gt;" in both
    assert legend("0", "no", "1", False).count("<span>") == 2
