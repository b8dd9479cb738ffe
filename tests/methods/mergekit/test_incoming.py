"""Recipes read from mergekit's configurations make what mergekit 0.1.5 made of them."""

from pathlib import Path

import pytest
import yaml

from studio.errors import BadRecipe, Remedy
from studio.merge import open_merge
from studio.methods.mergekit import readings
from studio.methods.mergekit.incoming import Surroundings, recipe_of
from studio.recipe import GroupedCoefficient
from tests.conftest import golden
from tests.merged import merged_tensors
from tests.mergekit_cases import CASES, NO_BASE, tensors

DRAWN = ("dare_linear_norms", "della_linear_norms")
"""Masks are drawn apart; norms do not depend on them."""
NEAR = {"out_dtype": 0.0}  # both round the same float32 numbers once


def kept(case):
    return golden("mergekit_yaml", f"{case}/", "f32")


def converted(read, case):
    return read(CASES[case], base="base" if case.startswith(NO_BASE) else None)


@pytest.mark.parametrize("case", [each for each in CASES if each not in DRAWN])
def test_a_recipe_makes_what_mergekit_made(read, case):
    recipe, _ = converted(read, case)
    expected = kept(case)
    merged = merged_tensors(open_merge(recipe))
    assert set(merged) == set(expected)
    for name, tensor in merged.items():
        assert tensor.dtype == expected[name].dtype
        apart = float((tensor.double() - expected[name].double()).abs().max())
        assert apart <= NEAR.get(case, 3e-6), f"{name}: {apart:.2g}"


@pytest.mark.parametrize("case", DRAWN)
def test_what_is_drawn_has_the_length_that_mergekit_gives_it(read, case):
    recipe, notes = converted(read, case)
    base, expected = tensors("base"), kept(case)
    for name, tensor in merged_tensors(open_merge(recipe)).items():
        ours, theirs = (float((x - base[name]).abs().sum()) for x in (tensor, expected[name]))
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert any("another generator" in note for note in notes)


def test_values_that_depend_on_no_tensor_need_no_model():
    text = CASES["ties"].replace("red", "org/red@v1").replace("model: base", "model: org/base@v2")
    data = yaml.safe_load(text)
    around = Surroundings(Path("/nowhere"), lambda recipe: pytest.fail("nothing is opened"))
    recipe, notes = recipe_of(data, "it", around)
    assert recipe.base == "org/base@v2"
    assert [(t.name, t.checkpoint, t.coefficient) for t in recipe.tasks] == [
        ("red", "org/red@v1", 0.6), ("green", "/nowhere/green", 0.3),
    ]  # fmt: skip
    assert recipe.options == {
        "density": 0.5, "trim": "tensor", "reduce": "weighted", "scale": 0.7,
    }  # fmt: skip
    assert notes == (readings.EQUAL_MAGNITUDES,)


def test_filters_and_layers_become_groups(read):
    recipe, _ = converted(read, "task_arithmetic_filters")
    red, green = (task.coefficient for task in recipe.tasks)
    assert isinstance(red, GroupedCoefficient)
    assert isinstance(green, GroupedCoefficient)
    assert red.default == red.of("model.layers.2.self_attn.q_proj.weight") == 0.9
    assert dict(red.groups)["model.layers.*.mlp.down_proj.weight"] == 0.1
    assert len(red.groups) == 8
    assert green.of("model.embed_tokens.weight") == 0.0
    assert green.of("model.layers.1.input_layernorm.weight") == 2 * 0.4


def test_what_is_not_read_and_what_is_rounded_is_said(read):
    text = CASES["ties"].replace("lambda: 0.7", "lambda: 0.7, gamma: 3")
    text = text.replace("base_model", "dtype: bfloat16\n        base_model")
    recipe, notes = read(text)
    assert recipe.dtype == "bfloat16"
    assert notes[1:] == (
        "mergekit computes this in bfloat16 and rounds at every step; the studio computes in "
        "float32 at least, and rounds once.",
        "ties does not read gamma, in mergekit nor here.",
    )


REFUSED = {
    "merge_method is 'karcher', which is not converted; linear, task_arithmetic, ties,": (
        "ties", "merge_method: ties", "merge_method: karcher"),
    "density is 0.4 of 'red' and 0.5 of 'green', and a recipe has one for all tasks": (
        "ties", "weight: 0.6", "weight: 0.6, density: 0.4"),
    "density is from 0.5 to 1 over the tensors, and a recipe has one for all tasks and tensors": (
        "ties", "density: 0.5", "density: [0.5, 1]"),
    "density is 0; it is the share": ("ties", "density: 0.5", "density: 0"),
    "rescale scales what is left of a delta to its old length, which": (
        "ties", "lambda: 0.7", "rescale: true"),
    "normalize is [True, False]; it must be one true or false.": (
        "ties", "lambda: 0.7", "normalize: [true, false]"),
    "ties needs weight of 'green', and none is given.": (
        "ties", "green, parameters: {weight: 0.3}", "green"),
    "needs weight of 'red' at lm_head.weight, and none is given.": (
        "ties", "weight: 0.6", "weight: {filter: mlp, value: 1}"),
    "base_model is missing; deltas are taken from it in ties.": ("ties", "base_model: base", ""),
    "base_model is 'base+red', an adapter;": ("ties", "base_model: base", "base_model: base+red"),
    "'blue+red' is an adapter on another model than the base": (
        "ties", "model: green", "model: blue+red"),
    "without normalize the weights add up to 1.2, so that": (
        "linear_not_normalized", "weight: 0.4", "weight: 0.6"),
    "the weights add up to 0, and are divided by it.": ("linear", "weight: 3", "weight: -1"),
    "is a weighted mean, which lambda and rescale multiply by 0.5 here": (
        "dare_ties_mean", "density: 1", "density: 1, lambda: 0.5"),
    "gamma is 2; it is a share, from 0 to 1.": ("breadcrumbs", "gamma: 0.1", "gamma: 2"),
    "density is 0.6 and epsilon 0.4; density - epsilon and density + epsilon must lie": (
        "della_linear_norms", "epsilon: 0.3", "epsilon: 0.4"),
    "epsilon is -0.1; the studio's is not below 0.": (
        "della_linear_norms", "epsilon: 0.3", "epsilon: -0.1"),
    "rescale: false leaves what is kept as long as it was, which the studio's della_linear": (
        "della_linear_norms", "epsilon: 0.3", "rescale: false"),
    "with normalize, breadcrumbs_ties is a weighted mean, which lambda and rescale multiply": (
        "breadcrumbs_ties_mean", "normalize: true", "normalize: true, lambda: 0.5"),
    "one of the two models of nuslerp is the base that deltas are taken from": (
        "nuslerp_of_models", "model: green", "model: base"),
    "filter_wise takes the angles row by row, which": (
        "model_stock", "{model: blue}]", "{model: blue}]\n        parameters: {filter_wise: true}"),
    "model_stock merges at least two models, and 1 stand there.": (
        "model_stock", ", {model: green}, {model: blue}", ""),
    "slerp needs t, and none is given.": ("slerp", "{t: 0.3}", "{}"),
    "slerp needs a base_model, where t is 0.": ("slerp", "base_model: red", ""),
    "slerp merges exactly two models, and 3 stand there.": (
        "slerp", "{model: green}", "{model: green}, {model: blue}"),
    "one of the two models of slerp is the base that deltas are taken from": (
        "slerp", "{model: green}, {model: red}", "{model: base}"),
    "nuslerp_flatten: false turns rows one by one": (
        "nuslerp", "green, parameters", "green}]\n        parameters: {nuslerp_flatten: false}#"),
    "lists no model beside the base.": (
        "task_arithmetic_normalized",
        "[{model: red, parameters: {weight: 0.6}}, {model: green, parameters: {weight: 0.3}}]",
        "[{model: base}]"),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_what_would_give_other_numbers_is_refused(read, words):
    case, old, new = REFUSED[words]
    assert old in CASES[case]
    base = "base" if case.startswith(NO_BASE) else None
    with pytest.raises(BadRecipe, match="^The file") as error:
        read(CASES[case].replace(old, new), base=base)
    assert words in str(error.value)


def test_a_method_that_needs_no_base_asks_for_the_one_of_the_deltas(read):
    for case in ("linear", "slerp", "nuslerp_of_models"):
        with pytest.raises(BadRecipe, match="what its models were made from") as error:
            read(CASES[case])
        assert error.value.remedy is Remedy.NAME_BASE
    with pytest.raises(BadRecipe, match="Both must be one model"):
        read(CASES["ties"], base="blue")


def test_adapters_of_one_model_say_what_they_were_made_from(read):
    text = CASES["linear"].replace("model: red", "model: base+red").replace(
        "model: green", "model: base+green"
    )  # fmt: skip
    recipe, _ = read(text)
    assert recipe.base.endswith("/base")
    assert [Path(task.checkpoint).name for task in recipe.tasks] == ["red", "green"]


def test_tasks_are_called_as_the_zoo_calls_them_or_as_their_folders(read, llamas):
    recipe, _ = read(CASES["ties"], names={str(llamas / "red"): "reviews"})
    assert recipe.names == ("reviews", "green")
    text = (
        CASES["ties"]
        .replace("model: red", "model: a/green")
        .replace("model: green", "model: b/GREEN")
    )
    assert read(text)[0].names == ("green", "GREEN-2")
