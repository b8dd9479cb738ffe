"""A method starts at one number, wherever the studio starts it; files keep what they mean."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.commands.sequence_run import _recipes
from studio.methods import METHODS
from studio.recipe import parse_recipe
from studio.session.mix import mix_of_recipe, starting_mix
from studio.sweep.axis import coefficient
from studio.zoo import started_at
from tests.plain import not_plain


def meant(recipe) -> set[object]:
    """What a recipe's coefficients are, whether it says them or leaves them out."""
    return {coefficient(recipe, task.name) for task in recipe.tasks}


@pytest.mark.parametrize("name", METHODS)
def test_mixer_comparison_runs_over_time_and_commands_start_a_method_alike(session, name):
    zoo = session.zoo
    mixer = starting_mix(zoo).with_method(name)
    numbers = {strip.coefficient for strip in mixer.strips}
    sequences, shown = session.sequences, session.mix.method
    bench: Any = SimpleNamespace(zoo=zoo)
    found = {
        "compare and UAD": zoo.started(name),
        "sequence on the command line": _recipes(bench, name)[name],
    }
    if name != shown:  # the mixer's own method is taken as it is set
        found["over time"] = sequences._recipe(name)
    for place, recipe in found.items():
        assert meant(recipe) == numbers, place
    value = session.mixer_value()
    if name == value["method"]:
        assert {value["start"]} == numbers


def test_a_file_that_leaves_coefficients_out_keeps_its_meaning(session):
    zoo = session.zoo
    tasks = [{"name": each.name, "checkpoint": each.checkpoint} for each in zoo.tasks]
    for name, kind in METHODS.items():
        data = {"base": zoo.base, "tasks": tasks, "method": name}
        recipe = parse_recipe(data, zoo.folder, "The recipe")
        assert meant(recipe) == {kind.default_coefficient}
        mix = mix_of_recipe(recipe, starting_mix(zoo))
        assert {strip.coefficient for strip in mix.strips} == {kind.default_coefficient}


def test_a_start_is_left_out_where_a_file_means_the_same():
    assert started_at("mdm_oc", 6) == 0.41
    assert started_at("mdm_oc", 1) is None
    assert started_at("ties", 6) is None


def test_where_the_two_differ_the_mixer_says_so_in_plain_sentences(session):
    words = session.mixer_value()["begins"]
    assert "begin at 0.71" in words
    assert "leaves them out means 1." in words
    assert all(not_plain(f"{each.rstrip('.')}.") == [] for each in words.split(". "))
