"""Numbers in the units that people read."""

import pytest

from studio.ui.views.units import size


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (417_000_000, "417 MB"),
     (5e12, "5 TB"), (9e15, "9e+03 TB")],
)  # fmt: skip
def test_sizes_are_read_in_their_unit(count, words):
    assert size(int(count)) == words
