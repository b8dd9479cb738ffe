"""Values by patterns: which key fits a path, and in what time."""

import random
import re

import pytest

from studio.checkpoints.patterns import Patterns, read_patterns
from studio.errors import BadCheckpoint
from tests.conftest import refusal


def is_positive(value: object) -> bool:
    return isinstance(value, int) and value > 0


def by_peft(pairs: tuple[tuple[str, int], ...], path: str) -> int:
    """As PEFT's ``get_pattern_key`` looks a path up."""
    for key, value in pairs:
        if re.match(rf"(.*\.)?({key})$", path):
            return value
    return 0


def test_a_pattern_names_the_end_of_a_path_and_the_first_that_fits_counts():
    pairs = (("self.query", 2), ("query", 3), ("^layer.0.key", 4), (r"a\.b", 5))
    paths = ("x.self.query", "x.query", "xself.query", "layer.0.key", "m.layer.0.key", "z.a.b",
             "selfXquery", "aXb", "query.x", "layerX0.key")  # fmt: skip
    found = [Patterns(pairs).of(path, 0) for path in paths]
    assert found == [2, 3, 3, 4, 0, 5, 2, 0, 0, 4]
    assert found == [by_peft(pairs, path) for path in paths]


def test_paths_and_expressions_are_tried_in_their_order():
    pairs = ((r".*\.[02]\..*", 1), ("2.query", 2), (r"\d.(query|key)", 3), ("key", 4))
    paths = ("layer.0.query", "layer.2.query", "layer.1.key", "layer.12.value", "key")
    assert [Patterns(pairs).of(path, 0) for path in paths] == [1, 1, 3, 0, 4]


def test_random_paths_are_found_as_peft_finds_them():
    draw = random.Random(0)
    for _ in range(300):
        keys = {"".join(draw.choice("ab.") for _ in range(draw.randint(1, 3))) for _ in range(5)}
        pairs = tuple((key, value) for value, key in enumerate(sorted(keys), 1))
        path = "".join(draw.choice("ab.") for _ in range(draw.randint(1, 5)))
        assert Patterns(pairs).of(path, 0) == by_peft(pairs, path), (pairs, path)


def test_a_hundred_thousand_patterns_are_looked_up_at_once():
    patterns = Patterns(tuple((f"layer.{i}.query", i) for i in range(100_000)))
    assert sum(patterns.of(f"m.layer.{i}.query", 0) for i in range(1000)) == 499_500


def test_a_bomb_is_tried_in_linear_time():
    patterns = read_patterns({".*(a+)+b": 1, "(a|a)*b": 2, "(.*)*x": 3}, "x", is_positive)
    assert patterns.of("a" * 20_000, 0) == 0
    assert patterns.of("a" * 20_000 + "b", 0) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"(?=x)y": 1}, "the expression '(?=x)y' has a (?= group, which is not understood."),
        ({"a": 0}, "'a' is 0, which is out of range."),
        ({f"({'x' * 400})?{i}": 1 for i in range(2)}, "its expressions have 802 parts"),
        ({"." * i + "x": 1 for i in range(1, 1200)}, "at most 512 and 1,000 are tried."),
        ([1], "must"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(value, words):
    with pytest.raises(BadCheckpoint) as error:
        read_patterns(value, "file: rank_pattern", is_positive)
    assert words in refusal(error)
    assert "file: rank_pattern" in refusal(error)
