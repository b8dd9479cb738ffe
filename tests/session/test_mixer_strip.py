"""A strip with coefficients per group of tensors: what it shows, sends, lists and refuses."""

import pytest

from studio.errors import BadRecipe
from studio.recipe import GroupedCoefficient
from studio.session.mixer_strip import (
    Strip,
    controls,
    kept_strip,
    listed,
    strip_from_page,
    strip_of,
)

NAMES = (
    "embeddings.weight", "encoder.layer.10.query.weight", "encoder.layer.10.key.weight",
    "encoder.layer.1.query.weight", "pooler.weight",
)  # fmt: skip
GROUPED = Strip("color", True, 0.5, (("encoder.layer.1.*", 0.2), ("pooler.*", 1.0)))


def test_the_one_number_is_the_mean_of_the_groups():
    assert GROUPED.mean == 0.6
    assert Strip("color", True, 0.5).mean == 0.5


def test_a_recipe_holds_the_groups_and_else_a_number():
    assert GROUPED.given == GroupedCoefficient(0.5, GROUPED.groups)
    assert Strip("color", True, 0.5).given == 0.5


def test_halving_halves_every_coefficient_and_evening_out_leaves_one():
    halved = Strip("color", True, 0.25, (("encoder.layer.1.*", 0.1), ("pooler.*", 0.5)))
    assert GROUPED.halved() == halved
    assert GROUPED.even(0.3, "") == Strip("color", True, 0.3)


def test_what_the_page_sends_comes_back():
    row = {"on": True, "coefficient": 0.5, "groups": [["encoder.layer.1.*", 0.2], ["pooler.*", 1]]}
    assert strip_from_page(row, GROUPED) == GROUPED
    moved = Strip("color", False, 2.0, set_by="person")
    assert strip_from_page({"on": False, "coefficient": 2}, GROUPED) == moved


def test_what_a_person_moves_is_set_by_a_person_and_all_else_comes_from_where_it_did():
    found, default = Strip("color", True, 0.4123), Strip("color", True, 0.4, set_by="default")
    same = {"on": False, "coefficient": 0.4123}
    assert strip_from_page(same, found).set_by == ""
    assert strip_from_page({"on": True, "coefficient": 0.4}, found).set_by == "person"
    assert strip_from_page({"on": True, "coefficient": 0.4}, default).set_by == "default"
    one_layer = {"on": True, "coefficient": 0.4123, "groups": [["layer.1.*", 0.9]]}
    assert strip_from_page(one_layer, found).set_by == ""  # the other layers are as they were
    assert strip_from_page(one_layer, default).set_by == "person"
    assert found.halved().set_by == ""
    assert default.halved().set_by == "person"


def test_a_kept_strip_says_who_set_it():
    row = {"on": True, "coefficient": 0.5, "set_by": "person"}
    assert kept_strip(row, "color") == Strip("color", True, 0.5, set_by="person")
    assert kept_strip({"on": True, "coefficient": 0.5}, "color").set_by == ""
    with pytest.raises(BadRecipe, match="cannot be read"):
        kept_strip(row | {"set_by": "somebody"}, "color")


@pytest.mark.parametrize(
    "groups", [None, 5, "ab", ["abc"], [["a"]], [[1, 0.5]], [["a", 1], ["a", 2]], [[["a"], 1]]]
)
def test_groups_that_the_page_cannot_have_made_are_refused(groups):
    with pytest.raises(BadRecipe, match="cannot be read"):
        strip_of("color", True, 0.5, groups)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "it must be a number"),
        (True, "it must be a number"),
        (float("nan"), "it must be a finite number"),
        (-100.5, "is -100.5; the mixer takes -100 to 100"),
    ],
)
def test_a_groups_bad_number_is_refused_by_task_and_group(value, words):
    for strip in ((0.5, [["pooler.*", value]]), (value, ())):
        where = " for 'pooler.*'" if strip[1] else ""
        with pytest.raises(BadRecipe, match="The coefficient of 'color'" + where) as error:
            strip_of("color", True, *strip)
        assert words in str(error.value)


def test_a_layer_is_a_control_of_its_own_from_its_first_move_on():
    plain = Strip("color", True, 0.5)
    first = Strip("color", True, 0.5, (("layer.1.*", 0.6), ("layer.0.*", 0.5)))
    next_one = Strip("color", True, 0.5, (("layer.1.*", 0.7), ("layer.0.*", 0.5)))
    scaled = Strip("color", True, 0.25, (("layer.1.*", 0.35), ("layer.0.*", 0.25)))
    assert controls(plain, first) == controls(first, next_one) == ["color.coefficient:layer.1.*"]
    assert controls(next_one, scaled) == controls(scaled, plain) == ["color.coefficient"]
    assert controls(plain, plain.even(0.6, "person")) == ["color.coefficient"]
    assert controls(scaled, Strip("color", False, 0.5)) == ["color.on", "color.coefficient"]
    assert controls(scaled, scaled) == []


def test_the_fold_out_lists_the_layers_of_an_even_strip_longest_name_first():
    assert listed(Strip("color", True, 0.5), NAMES) == [
        ("layer 10", "encoder.layer.10.*"),
        ("layer 1", "encoder.layer.1.*"),
        ("embeddings", "embeddings.*"),
        ("pooler", "pooler.*"),
    ]


def test_the_fold_out_lists_other_groups_as_they_are_and_what_they_leave_over():
    assert listed(GROUPED, NAMES) == [
        ("layer 1", "encoder.layer.1.*"), ("pooler", "pooler.*"), ("all other tensors", None),
    ]  # fmt: skip
    groups = tuple((name, 0.1) for name in NAMES)
    assert listed(Strip("color", True, 0.5, groups), NAMES) == [
        ("embeddings.weight", NAMES[0]),
        ("layer 10.query.weight", NAMES[1]),
        ("key.weight", NAMES[2]),  # there is no other
        ("layer 1.query.weight", NAMES[3]),
        ("pooler.weight", NAMES[4]),
    ]
    assert listed(Strip("color", True, 0.5, (("*", 0.1), ("", 1.0))), NAMES) == [
        ("*", "*"), ("", ""),
    ]  # fmt: skip
    wild = (("a.b.*.c.bias", 0.1), ("*.bias", 0.2), ("a.b.weight", 0.3))
    labels = [label for label, _ in listed(Strip("color", True, 0.5, wild), NAMES)]
    assert labels == ["b.*.c.bias", "*.bias", "b.weight", "all other tensors"]


def test_a_pattern_that_reads_like_a_name_does_not_match_it():
    assert listed(Strip("color", True, 0.5, (("a[b]", 0.1),)), ("a[b]",))[-1][1] is None
    assert len(listed(Strip("color", True, 0.5, (("a[[]b]", 0.1),)), ("a[b]",))) == 1
