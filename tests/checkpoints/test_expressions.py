"""Regular expressions in linear time, against Python's own."""

import random
import re

import pytest

from studio.checkpoints.expressions import Expression

ATOMS = ["a", "b", ".", r"\.", r"\d", r"\w", "[ab]", "[^a]", "[0-9b]", r"[\d.]", "1", r"\D"]


def expression(draw: random.Random, depth: int = 0) -> str:
    """A random expression."""
    kind = draw.random()
    if depth > 3 or kind < 0.4:
        return draw.choice(ATOMS)
    first = expression(draw, depth + 1)
    if kind < 0.6:
        return first + expression(draw, depth + 1)
    if kind < 0.75:
        return f"({first}|{expression(draw, depth + 1)})"
    return f"(?:{first})" + draw.choice(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}", "*?"])


def test_the_same_texts_fit():
    draw = random.Random(0)
    for _ in range(800):
        pattern = draw.choice(["", "", "^"]) + expression(draw) + draw.choice(["", "", "$"])
        if draw.random() < 0.2:
            pattern += "|" + expression(draw)
        ours = Expression(pattern)
        for _ in range(6):
            text = "".join(draw.choice("ab1.") for _ in range(draw.randint(1, 7)))
            starts = [0] + [i + 1 for i, letter in enumerate(text) if letter == "."]
            expected = re.match(rf"(.*\.)?({pattern})$", text) is not None
            assert ours.fits_end(text, starts) == expected, (pattern, text)


@pytest.mark.parametrize("bomb", ["(a+)+b", "(.*)*x", "(a|a)*b", "(a?){60}a{60}b"])
def test_a_bomb_takes_a_step_per_letter(bomb):
    assert not Expression(bomb).fits_end("a" * 20_000, [0])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?P<x>a)", "has a (?P group"), (r"(a)\1", r"has \1,"), (r"a\b", r"has \b,"),
        ("a**", "repeats a repetition"), ("*a", "has '*' at 0"), ("(a", "ends too early"),
        ("a)", "unbalanced or inner sign at 2"), ("a$b", "unbalanced or inner sign"),
        ("(a$)", "has an inner $"), ("a^", "has '^' at 1"), ("a{2,1}", "at most 64 times"),
        ("a{99}", "at most 64 times"), ("a{x}", "has no count at 1"), ("[b-a]", "the set with b-a"),
        ("a\\", "ends too early"), ("x" * 3000, "has 3,000 characters"),
        ("(" * 60 + ")" * 60, "nests more than 50"), ("((a{60}){60}){60}", "more than 2,000 parts"),
        ("((((){64}){64}){64}){64}", "repeats too much"), ("[a", "ends too early"),
    ],
)  # fmt: skip
def test_another_syntax_is_refused_in_words(pattern, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Expression(pattern)
