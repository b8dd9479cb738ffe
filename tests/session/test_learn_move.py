"""A try counts where the asked change was made and nothing else; each other one is named."""

from dataclasses import replace

import pytest

from studio.methods import SUM
from studio.recipe import DTYPES
from studio.session.learn_mixes import mixed
from studio.session.learn_move import Move
from studio.session.mix import Mix, starting_mix
from studio.zoo import load_zoo

UP = Move("Move it up.", numbers={"color": (0.95, 1.05)})


@pytest.fixture
def first(tiny_zoo) -> Mix:
    return mixed(starting_mix(load_zoo(tiny_zoo)), {"color": 0.5, "animal": 0.5})


def moved(mix: Mix, name: str, **changes) -> Mix:
    strips = (replace(s, **changes) if s.name == name else s for s in mix.strips)
    return replace(mix, strips=tuple(strips))


def test_the_asked_change_alone_is_a_try(first):
    assert UP.lacks(first, first) == "Move it up."
    assert UP.lacks(first, moved(first, "color", coefficient=0.9)) == "Move it up."
    assert UP.lacks(first, moved(first, "color", coefficient=1.06)) == "Move it up."
    for value in (0.95, 1.0, 1.05):
        assert UP.lacks(first, moved(first, "color", coefficient=value)) == ""
    out = Move("Untick it.", ("color",))
    assert out.lacks(first, first) == "Untick it."
    assert out.lacks(first, first.unticked(["color"])) == ""
    share = Move("Take out.", options={"strength": (0.0, 0.05)})
    assert share.lacks(first, first) == "Take out."
    assert share.lacks(first, replace(first, options={**first.options, "strength": 0.0})) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda mix: moved(mix, "animal", coefficient=0.6), "the number of animal"),
        (lambda mix: moved(mix, "animal", on=False), "animal is unticked"),
        (lambda mix: moved(mix, "color", on=False), "color is unticked"),
        (lambda mix: moved(mix, "animal", groups=(("*", 0.5),)), "the number of animal"),
        (lambda mix: moved(mix, "color", groups=(("*", 1.0),)), "the layers of color"),
        (lambda mix: replace(mix, strips=mix.strips[::-1]), "the order"),
        (lambda mix: mix.with_dtype(DTYPES[0]), "what stands under more"),
        (lambda mix: replace(mix, options={**mix.options, "strength": 0.5}), "share taken out"),
        (lambda mix: mix.with_method(SUM), "the method"),
    ],
)
def test_any_other_change_is_named_and_does_not_count(first, change, told):
    made = moved(first, "color", coefficient=1.0)
    assert UP.lacks(first, made) == ""
    words = f"Other than this step sets it: {told}. Press Set the mixer, then: Move it up."
    assert UP.lacks(first, change(made)) == words


def test_numbers_of_a_task_that_is_out_do_not_count_and_many_differences_are_cut(first):
    alone = first.unticked(["animal"])
    assert (
        UP.lacks(alone, moved(moved(alone, "animal", coefficient=3.0), "color", coefficient=1.0))
        == ""
    )
    far = moved(moved(first, "animal", coefficient=3.0), "color", on=False)
    far = replace(far, strips=far.strips[::-1], seed=7, options={**far.options, "strength": 0.1})
    assert UP.lacks(first, far).count(",") == 4  # three, more, and the one before 'then'
