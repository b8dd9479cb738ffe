import pytest

from studio.errors import BadRecipe
from studio.methods.mergekit.setting import Place, Rule, is_even, parse_setting, value_at


def test_a_gradient_is_a_straight_line_between_its_anchors():
    rule = Rule("", (0.0, 1.0, 3.0))
    assert [rule.at(depth) for depth in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.0, 0.5, 1.0, 2.0, 3.0]


def test_the_first_filter_that_a_name_holds_counts_and_then_the_next_scope():
    own = parse_setting([{"filter": "mlp", "value": 1}, {"filter": "attn", "value": [0, 2]}], "w")
    all_ = parse_setting({"filter": "*", "value": "1e-1"}, "w")
    at = lambda name, depth=0.0: value_at([own, all_], Place(name, depth))  # noqa: E731
    assert at("layer.0.mlp.attn") == 1.0
    assert at("layer.1.attn", 0.5) == 1.0
    assert at("norm.weight") == 0.1
    assert value_at([own], Place("norm.weight")) is None


def test_one_number_for_all_needs_no_names():
    assert is_even([parse_setting([0.5], "w")])
    assert is_even([])
    assert not is_even([parse_setting([0.5, 1], "w")])
    assert not is_even([parse_setting({"filter": "mlp", "value": 1}, "w"), parse_setting(1, "w")])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "is a list of 0; a gradient has 1 to 10,000 numbers."),
        ([0.0] * 10_001, "is a list of 10,001;"),
        ([[1]], "a number of the gradient is [1]; it must be a number."),
        ("large", "is 'large'; it must be a number."),
        (True, "is True; it must be a number."),
        (float("nan"), "must be a finite number."),
        ([{"value": 1}, 2], "entry 2 is 2; beside filters each is {filter, value}."),
        ({"filter": "", "value": 1}, "the filter is ''; it is a part of tensors' names, or '*'."),
        ({"filters": "a", "value": 1}, "unknown key 'filters'"),
        ({"filter": "a"}, "is None; it must be a number."),
    ],
)
def test_what_is_no_value_is_refused(value, words):
    with pytest.raises(BadRecipe, match="^weight") as error:
        parse_setting(value, "weight")
    assert words in str(error.value)
