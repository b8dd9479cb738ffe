"""What the boxes of the Optimize panel ask for."""

import pytest

from studio.errors import BadRecipe
from studio.search.plan import SearchPlan
from studio.ui.search_panel import search_wish
from tests.conftest import refusal

BOXES = {
    "optimizer": "adam", "granularity": "task", "loss": "labels", "balance": "uniform",
    "anchor": "experts", "budget": 60, "ewc": 0, "seed": 0, "rows": 400, "at_once": 32,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget": None}, "Budget: give a number."),
        ({"budget": 0}, "budget 0: give a whole number from 1"),
        ({"seed": 1.5}, "Seed: 1.5 is no whole number."),
        ({"rows": float("nan")}, "Rows: give a number."),
        ({"at_once": None}, "Rows at once: give a number."),
        ({"at_once": 0}, "rows at once 0: give a whole number from 1"),
        ({"ewc": "much"}, "EWC strength: give a number."),
        ({"optimizer": "magic"}, "optimizer 'magic' is not one of"),
    ],
)
def test_boxes_that_hold_nothing_possible_are_refused_in_words(changes, words):
    assert search_wish(**BOXES) == SearchPlan()
    with pytest.raises(BadRecipe) as error:
        search_wish(**BOXES | changes)
    assert words in refusal(error)
