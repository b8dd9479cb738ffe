"""Every method and option says what it is in one plain sentence; formula and source stand apart."""

import pytest

from studio.methods import METHODS
from studio.methods.contract import describe
from tests.plain import not_plain

OPTIONS = [(name, each) for name, kind in METHODS.items() for each in describe(kind)]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_one_plain_sentence_and_beside_it_formula_and_source(name):
    assert not_plain(METHODS[name].plainly) == []
    formula, source = METHODS[name].exactly()
    assert formula.endswith(".")
    assert "  " not in formula + source
    assert source.endswith(".")
    assert any(mark in formula for mark in ("=", "sum_i", "base +", "base R", "W_1"))


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=[f"{n}.{o['name']}" for n, o in OPTIONS])
def test_an_option_has_one_plain_sentence_and_a_name_of_words(name, option):
    assert not_plain(option["words"]) == []
    assert "_" not in (option["label"] or option["name"])
    if option["exactly"]:
        assert option["exactly"].endswith(".")
        assert option["exactly"] != option["words"]


@pytest.mark.parametrize("name", METHODS)
def test_no_two_options_of_a_method_are_called_alike(name):
    called = [each["label"] or each["name"] for each in describe(METHODS[name])]
    assert len(called) == len(set(called))
    said = [each["words"] for each in describe(METHODS[name])]
    assert len(said) == len(set(said))


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("Adds sum_i of all changes to it.", ["holds '_'"]),
        ("The change is so: a = b and c.", ["holds '='"]),
        ("Measure A1 is the best of them.", ["holds A1"]),
        ("It has no end", ["does not end with a full stop"]),
        ("it begins in small letters.", ["does not begin with a capital"]),
        ("It stops. It goes on again.", ["is more than one sentence"]),
        ("Short.", ["has 1 words"]),
        ("Word " * 30 + "word.", ["has 31 words"]),
        ("Adds every change to the base.", []),
    ],
)
def test_what_is_not_plain_is_found(sentence, wrong):
    assert not_plain(sentence) == wrong
