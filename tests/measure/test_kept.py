"""What is made for a key: once, the last few of them, and nothing of what was refused."""

import pytest

from studio.errors import BadData
from studio.measure.kept import Kept


def test_it_is_made_once_and_the_oldest_goes_first():
    kept, made = Kept[str](2), []

    def of(key):
        return kept(key, lambda: made.append(key) or key.upper())

    assert [of(key) for key in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert made == ["a", "b", "c", "b"]
    assert "a" in kept
    assert "c" not in kept


def test_what_raises_leaves_nothing():
    kept = Kept[str](2)

    def refuse():
        raise BadData("no")

    with pytest.raises(BadData):
        kept("a", refuse)
    assert "a" not in kept
    assert kept("a", lambda: "made") == "made"
