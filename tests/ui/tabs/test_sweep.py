"""What the boxes of the sweep ask for."""

import pytest

from studio.errors import BadRecipe
from studio.session.sweep import SweepWish
from studio.ui.tabs.sweep import sweep_wish


def test_boxes_become_a_wish():
    assert sweep_wish([("coefficients", None, 2)], 3.0, 200.0) == SweepWish(
        (("coefficients", None, 2.0),)
    )


@pytest.mark.parametrize(
    ("low", "levels", "rows", "words"),
    [
        ("x", 3, 200, "From and to of a sweep: give a number"),
        (0, None, 200, "Levels: give a number"),
        (0, 3, None, "Validation rows per task: give a number"),
        (0, 3, 1.5, r"Validation rows per task: 1.5 is no whole number"),
    ],
)
def test_boxes_without_numbers_are_refused(low, levels, rows, words):
    with pytest.raises(BadRecipe, match=words):
        sweep_wish([("coefficients", low, 2)], levels, rows)
