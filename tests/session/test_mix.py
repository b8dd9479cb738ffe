import json
from dataclasses import replace

import pytest

from studio.errors import BadRecipe
from studio.methods import METHODS
from studio.recipe import Calibrate, GroupedCoefficient, Heads
from studio.session.link import link_of, mix_of_link
from studio.session.method_menu import method_menu
from studio.session.mix import (
    mix_from_page,
    mix_from_plain,
    mix_of_recipe,
    starting_mix,
)
from studio.zoo import load_zoo


@pytest.fixture
def mix(tiny_zoo):
    return starting_mix(load_zoo(tiny_zoo))


def page_value(mix, **changes):
    rows = [vars(strip) | changes.get(strip.name, {}) for strip in mix.strips]
    return {"rows": rows, "method": mix.method, "options": dict(mix.options)}


def with_coefficient(mix, x):
    return replace(mix, strips=(replace(mix.strips[0], coefficient=x), *mix.strips[1:]))


def with_groups(mix, *values):
    groups = tuple((f"encoder.layer.{i}.*", x) for i, x in enumerate(values))
    return replace(mix, strips=(replace(mix.strips[0], groups=groups), *mix.strips[1:]))


def test_the_mixer_starts_where_the_merge_is_as_long_as_one_task(mix):
    assert [strip.coefficient for strip in mix.strips] == [0.71, 0.71]  # 1 / sqrt(2)
    assert mix.with_method("average").strips[0].coefficient == 1.0
    assert mix.with_method("task_arithmetic").strips[0].coefficient == 0.3


def test_an_unticked_task_is_not_in_the_recipe_but_keeps_its_coefficient(mix, tiny_zoo):
    off = mix_from_page(page_value(mix, color={"on": False, "coefficient": 0.2}), mix)
    assert off.recipe(load_zoo(tiny_zoo)).names == ("animal",)
    assert off.strips[0].coefficient == 0.2


def test_equal_and_halve_and_earlier(mix):
    uneven = with_coefficient(mix, 0.31)
    assert [s.coefficient for s in uneven.equal().strips] == [0.51, 0.51]
    assert [s.coefficient for s in uneven.halved().strips] == [0.155, 0.355]
    assert [s.name for s in mix.earlier("animal").strips] == ["animal", "color"]
    assert mix.earlier("color") == mix


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": None}, "cannot be read"),
        ({"rows": []}, "another zoo"),
        ({"method": "magic"}, "no merge method 'magic'"),
        ({"options": {"scope": "head"}}, "'scope' is 'head'"),
        ({"options": 5}, "cannot be read"),
    ],
)
def test_what_the_page_cannot_have_made_is_refused(mix, change, words):
    with pytest.raises(BadRecipe, match=words):
        mix_from_page(page_value(mix) | change, mix)


def test_a_coefficient_that_is_no_number_is_refused_by_name(mix):
    for value in (None, "1", float("nan"), float("inf"), True):
        with pytest.raises(BadRecipe, match="coefficient of 'color'"):
            mix_from_page(page_value(mix, color={"coefficient": value}), mix)


def test_the_menu_holds_every_method_once_group_by_group():
    menu = method_menu()
    assert sorted(each["name"] for each in menu) == sorted(METHODS)
    groups = [each["group"] for each in menu]
    assert groups == sorted(groups, key=groups.index), "no group is begun twice"
    found = {each["name"]: each["group"] for each in menu}
    assert found["iso_c"] == "One change of all tasks"
    assert found["ties"] == "A component per task"


def test_the_seed_of_a_recipe_that_was_opened_stays(mix, tiny_zoo):
    """Another seed is another model, if the method draws."""
    zoo = load_zoo(tiny_zoo)
    recipe = replace(zoo.recipe("average"), seed=7)
    opened = mix_of_recipe(recipe, mix)
    assert opened.recipe(zoo).seed == 7
    assert mix_from_page(page_value(opened), opened).recipe(zoo).seed == 7
    assert mix_from_plain(opened.plain(), mix).seed == 7
    assert mix_from_plain(mix.plain(), mix).seed == 0
    with pytest.raises(BadRecipe, match="The kept mix: seed -1 is not a whole number"):
        mix_from_plain(mix.plain() | {"seed": -1}, mix)


def test_groups_of_a_recipe_that_was_opened_stay_until_something_sets_all_alike(mix, tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    grouped = GroupedCoefficient(0.4, (("encoder.layer.0.*", 0.2), ("*.bias", 0.9)))
    recipe = zoo.recipe("task_arithmetic").with_coefficients({"color": grouped})
    opened = mix_of_recipe(recipe, mix)
    for kept in (
        opened,
        mix_from_page(json.loads(json.dumps(page_value(opened))), opened),
        mix_from_plain(json.loads(json.dumps(opened.plain())), mix),
        opened.unticked(["color"]).everything(),
        opened.earlier("animal").earlier("color"),
    ):
        assert kept == opened
        assert kept.recipe(zoo).tasks[0].coefficient == grouped
        assert kept.recipe(zoo).tasks[1].coefficient == 0.3  # the method's default
    for even in (opened.equal(), opened.with_method("ties"), starting_mix(zoo)):
        assert not any(strip.groups for strip in even.strips)
    with pytest.raises(BadRecipe, match="of 'color' for '[*].bias' is 1e[+]06; the mixer takes"):
        mix_of_recipe(
            recipe.with_coefficients({"color": GroupedCoefficient(0.4, (("*.bias", 1e6),))}), mix
        )


def test_halving_halves_groups_and_equal_takes_their_mean(mix):
    uneven = with_groups(mix, 0.25, 0.65)  # mean 0.45; the other task has 0.71
    halved = with_groups(mix, 0.125, 0.325).strips[0]
    assert uneven.halved().strips[0] == replace(halved, coefficient=0.355, set_by="person")
    assert [s.given for s in uneven.equal().strips] == [0.58, 0.58]  # (0.45 + 0.71) / 2


def test_which_tokens_an_export_has_comes_from_a_recipe_and_goes_into_one(mix, tiny_zoo):
    recipe = replace(mix.recipe(load_zoo(tiny_zoo)), vocabulary="union")
    opened = mix_of_recipe(recipe, mix)
    assert opened.recipe(load_zoo(tiny_zoo)).vocabulary == "union"
    assert mix_from_plain(opened.plain(), mix).vocabulary == "union"
    assert "vocabulary" not in mix.plain()


def test_a_calibration_comes_from_a_recipe_with_its_numbers_and_goes_into_one(mix, tiny_zoo):
    zoo, chosen = load_zoo(tiny_zoo), Calibrate(32, 0.5)
    opened = mix_of_recipe(replace(mix.recipe(zoo), calibrate=chosen), mix)
    assert opened.recipe(zoo).calibrate == chosen
    assert mix_from_plain(opened.plain(), mix).calibrate == chosen
    assert mix_of_link(link_of(opened, zoo), zoo, mix).calibrate == chosen
    assert opened.with_fit("calibrate", "on").calibrate == chosen
    assert opened.with_fit("calibrate", "off").calibrate is None
    assert mix.with_fit("calibrate", "on").calibrate == Calibrate()
    assert "calibrate" not in mix.plain()
    both = opened.with_fit("heads", "on")
    assert (both.heads, both.calibrate) == (Heads(), chosen)
    assert mix_from_plain(both.plain(), mix).heads == Heads()
    assert mix_of_link(link_of(both, zoo), zoo, mix).heads == Heads()
    assert mix_of_recipe(both.recipe(zoo), mix).heads == Heads()
    assert both.with_fit("heads", "off").heads is None
    with pytest.raises(BadRecipe, match="calibrate 'maybe' is not one of off, on"):
        mix.with_fit("calibrate", "maybe")


def test_defaults_and_starts_follow_the_basis_and_what_people_set_stays(mix):
    def chose(before, **options):
        value = page_value(before)
        return mix_from_page(value | {"options": value["options"] | options}, before)

    found = chose(mix, basis="activation")
    assert (found.options["order"], found.options["strength"]) == ("symmetric", 0.25)
    assert [strip.coefficient for strip in found.strips] == [1.0, 1.0]
    assert chose(found, basis="vector") == mix
    own = with_coefficient(chose(mix, strength=0.5), 0.3)
    own = replace(own, strips=(replace(own.strips[0], set_by="person"), own.strips[1]))
    found = chose(own, basis="activation")
    assert (found.options["order"], found.options["strength"]) == ("symmetric", 0.5)
    assert [strip.coefficient for strip in found.strips] == [0.3, 1.0]


def test_what_the_page_hides_stays_as_it_was(mix):
    scoped = mix_from_page(
        page_value(mix) | {"options": {**mix.options, "scope": "tensor", "basis": "activation"}},
        mix,
    )
    shown = {n: x for n, x in scoped.options.items() if n not in ("scope", "normalize")}
    again = mix_from_page(page_value(scoped) | {"options": shown | {"rows": 64}}, scoped)
    assert (again.options["scope"], again.options["rows"]) == ("tensor", 64)


def test_a_recipe_of_activations_is_read_with_their_defaults(mix, tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    recipe = replace(zoo.recipe("mdm_oc"), options={"basis": "activation"})
    found = mix_of_recipe(recipe, mix)
    assert (found.options["order"], found.options["strength"]) == ("symmetric", 0.25)
    assert found.undeclared == ("basis",)
    assert mix_from_plain(json.loads(json.dumps(found.plain())), mix).options == found.options


def test_options_that_do_nothing_beside_the_others_are_in_no_recipe(tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    start = starting_mix(zoo)
    assert not {"off_diagonal", "rows"} & {*start.recipe(zoo).options}
    there = start.with_options(dict(start.options) | {"basis": "activation"})
    assert not {"scope", "normalize"} & {*there.recipe(zoo).options}
    assert there.recipe(zoo).options["rows"] == 256
