"""Numbers in the boxes of the page."""

import pytest

from studio.errors import BadRecipe
from studio.ui.boxes import number_in, whole_in


def test_a_number_is_taken_as_it_is():
    assert (number_in(2, "It"), number_in(-0.5, "It"), whole_in(3.0, "It")) == (2.0, -0.5, 3)


@pytest.mark.parametrize("value", [None, True, "1", [], float("nan"), float("inf")])
def test_what_is_no_number_is_refused_by_the_name_of_its_box(value):
    for read in (number_in, whole_in):
        with pytest.raises(BadRecipe, match=r"^Rows: give a number\.$"):
            read(value, "Rows")
