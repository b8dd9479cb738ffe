"""Sweeps: any number of any method, and nothing else."""

import pytest

from studio.errors import BadRecipe
from studio.recipe import Recipe
from studio.sequence.sweep import numeric_options, parse_sweep
from tests.conftest import refusal


def test_both_ends_are_included_and_each_value_is_a_recipe():
    sweep = parse_sweep("mdm_oc.strength=0.1:0.9:0.2")
    assert sweep.values == (0.1, 0.3, 0.5, 0.7, 0.9)
    made = sweep.recipes(lambda name: Recipe("base", (), name))
    assert list(made)[:2] == ["mdm_oc strength=0.1", "mdm_oc strength=0.3"]
    assert next(dict(each.options) for each in made.values()) == {"strength": 0.1}


def test_a_whole_number_stays_one():
    assert parse_sweep("mdm_oc.rank=1:3:1").values == (1, 2, 3)
    with pytest.raises(BadRecipe, match="whole number"):
        parse_sweep("mdm_oc.rank=1:3:0.5")


def test_numbers_of_methods_can_be_swept_and_words_cannot():
    assert {"mdm_oc.strength", "ties.density", "task_arithmetic.scale"} <= set(numeric_options())
    assert "mdm_oc.order" not in numeric_options()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mdm_oc.strength=nan:1:0.1", "holds 0 values"),
        ("mdm_oc.strength=0:inf:0.1", "from 0 to inf by 0.1 holds 0 values"),
        ("mdm_oc.strength", "is not written method.option=from:to:step"),
        ("mdm_oc.strength=a:b:c", "is not written"),
        ("magic.x=0:1:1", "no merge method 'magic'"),
        ("mdm_oc.order=0:1:1", "'order' is no number that mdm_oc has; it has strength, rank, ene"),
        ("average.x=0:1:1", "it has none"),
        ("mdm_oc.strength=0:1:0", "holds 0 values"),
        ("mdm_oc.strength=0:1:nan", "holds 0 values"),
        ("mdm_oc.strength=1:0:0.1", "holds 0 values"),
        ("mdm_oc.strength=0:1:0.001", "holds 1001 values; it must hold 1 to 50"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_words(text, words):
    with pytest.raises(BadRecipe) as error:
        parse_sweep(text)
    assert words in refusal(error)


def test_a_value_out_of_range_is_refused_before_the_start():
    with pytest.raises(BadRecipe, match=r"'strength' is 1.5; it must be from 0.0 to 1.0"):
        parse_sweep("mdm_oc.strength=0.5:1.5:0.5").recipes(lambda name: Recipe("base", (), name))
