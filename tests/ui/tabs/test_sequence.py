"""What the boxes of the Over time tab ask for."""

import pytest

from studio.errors import BadRecipe
from studio.session.sequence import SequenceWish
from studio.ui.tabs.sequence import sequence_wish
from tests.conftest import refusal


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"methods": "mdm_oc"}, "reload the page"),
        ({"methods": ["magic"]}, "reload the page"),
        ({"orders": None}, "Orders: give a number."),
        ({"orders": 1.5}, "Orders: 1.5 is no whole number."),
        ({"seed": "x"}, "The seed: give a number."),
        ({"rows": True}, "Rows per task: give a number."),
        ({"rows": float("inf")}, "Rows per task: give a number."),
        ({"sweep": ("mdm_oc.strength", 0, None, 1)}, "From, to and step of a sweep: give a number"),
    ],
)
def test_boxes_that_hold_no_number_are_refused_in_words(changes, words):
    boxes = {
        "methods": ["average"], "shuffle": True, "orders": 2, "seed": 0, "rows": 10, "sweep": None,
    }  # fmt: skip
    assert sequence_wish(**boxes) == SequenceWish(("average",), 2, 0, 10)
    with pytest.raises(BadRecipe) as error:
        sequence_wish(**(boxes | changes))
    assert words in refusal(error)
