"""Axes: their values by hand, where they put a recipe, and what cannot be swept."""

import pytest

from studio.errors import BadRecipe
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from studio.sweep.axis import Axis, make_axis, names_of, parse_axis, places, put
from tests.conftest import refusal

GROUPS = GroupedCoefficient(0.3, (("layer.0.*", 0.2), ("layer.1.*", 0.6)))  # of mean 0.4
RECIPE = Recipe("/b", (TaskEntry("red", "/r", 0.5), TaskEntry("blue", "/c", GROUPS)))


def test_every_level_halves_the_spacing_and_keeps_the_values_of_the_one_before():
    axis = Axis("strength", 0.1, 0.9)
    assert axis.values(1) == (0.1, 0.5, 0.9)
    assert axis.values(2) == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert [len(axis.values(level)) for level in (3, 4)] == [9, 17]
    for level in range(1, 6):
        assert set(axis.values(level)) < set(axis.values(level + 1))


def test_whole_numbers_are_taken_once_each():
    axis = parse_axis(RECIPE, "rank=1:4")
    assert axis.values(1) == (1, 2, 4)  # 2.5 is rounded to the even neighbor
    assert axis.values(2) == axis.values(5) == (1, 2, 3, 4)
    assert all(isinstance(value, int) for value in axis.values(3))


def test_two_axes_span_a_grid():
    axes = [Axis("strength", 0.0, 1.0), Axis("coefficients", 0.0, 2.0)]
    assert places(axes, 1)[:4] == [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (0.5, 0.0)]
    assert len(places(axes, 2)) == 25


def test_a_recipe_has_its_numbers_and_usual_ranges():
    assert names_of(RECIPE) == (
        "coefficients", "coefficient.red", "coefficient.blue", "strength", "rank", "energy",
        "lines", "svc",
    )  # fmt: skip
    ends = {name: make_axis(RECIPE, name) for name in names_of(RECIPE) if name != "rank"}
    assert [(each.low, each.high) for each in ends.values()] == [
        (0, 2), (0, 1.5), (0, 1.5), (0, 1), (0, 1), (0, 1), (1e-3, 1),
    ]  # fmt: skip
    other = Recipe("/b", RECIPE.tasks, "ties")
    assert make_axis(other, "scale") == Axis("scale", 0, 2.0)  # -10 to 10 would be too coarse
    assert make_axis(Recipe("/b", RECIPE.tasks, "wudi"), "steps") == Axis("steps", 1, 600, True)


def test_a_point_is_a_recipe():
    axes = [parse_axis(RECIPE, text) for text in ("strength", "coefficient.red=0:1.5")]
    made = put(RECIPE, axes, (0.25, 1.2))
    assert (made.options, made.tasks[0].coefficient) == ({"strength": 0.25}, 1.2)
    assert made.tasks[1] == RECIPE.tasks[1]
    assert [axis.of(made) for axis in axes] == [0.25, 1.2]


def test_groups_are_scaled_to_the_mean_that_is_asked_for():
    axis = make_axis(RECIPE, "coefficient.blue")
    assert axis.of(RECIPE) == pytest.approx(0.4)
    made = axis.put(RECIPE, 0.8).tasks[1].coefficient
    assert isinstance(made, GroupedCoefficient)
    assert made.default == pytest.approx(0.6)
    assert made.groups == (
        ("layer.0.*", pytest.approx(0.4)), ("layer.1.*", pytest.approx(1.2)),
    )  # fmt: skip


def test_the_factor_multiplies_all_coefficients_but_those_of_another_axis():
    bare = Recipe("/b", (TaskEntry("red", "/r"), *RECIPE.tasks[1:]), "task_arithmetic")
    factor, own = (make_axis(bare, name) for name in ("coefficients", "coefficient.blue"))
    assert (factor.of(bare), make_axis(bare, "coefficient.red").of(bare)) == (1.0, 0.3)
    red, blue = (task.coefficient for task in factor.put(bare, 2.0).tasks)
    assert (red, blue) == (0.6, GroupedCoefficient(0.6, (("layer.0.*", 0.4), ("layer.1.*", 1.2))))
    for axes, place in (((factor, own), (0.0, 0.4)), ((own, factor), (0.4, 0.0))):
        red, blue = (task.coefficient for task in put(bare, axes, place).tasks)
        assert (red, blue) == (0.0, GROUPS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("magic", "no number 'magic' in the recipe; there are coefficients, coefficient.red, co"),
        ("coefficient.green=0:1", "no number 'coefficient.green'"),
        ("order", "order of mdm_oc is one of arrival, symmetric, and no number to sweep"),
        ("strength=1:0", "strength from 1 to 0 is no range"),
        ("strength=0.5:0.5", "is no range"),
        ("strength=0:nan", "strength from 0 to nan is no range"),
        ("strength=a:b", "is not written NAME=LOW:HIGH"),
        ("strength=0:1:0.1", "is not written NAME=LOW:HIGH"),
        ("strength=0:2", "'strength' is 2.0; it must be from 0.0 to 1.0"),
        ("rank", "rank has no highest value; give the range, such as rank=1:8"),
        ("rank=1:2.5", "rank is a whole number; 1 and 2.5 must be whole, too"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_words(text, words):
    with pytest.raises(BadRecipe) as error:
        parse_axis(RECIPE, text)
    assert words in refusal(error)


def test_groups_of_mean_0_are_refused():
    groups = GroupedCoefficient(0.0, (("a*", 0.5), ("b*", -0.5)))
    with pytest.raises(BadRecipe, match="groups of 'red' have the mean 0"):
        make_axis(RECIPE.with_coefficients({"red": groups}), "coefficient.red")


def test_a_yes_or_no_is_no_number():
    with pytest.raises(BadRecipe, match="normalize of fisher is one of true, false"):
        make_axis(Recipe("/b", RECIPE.tasks, "fisher"), "normalize")
