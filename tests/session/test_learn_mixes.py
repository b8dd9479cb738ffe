"""Mixes that a lesson sets."""

from studio.methods import SUM
from studio.session.learn_mixes import mixed
from studio.session.mix import Mix, starting_mix
from studio.zoo import load_zoo


def start(tiny_zoo) -> Mix:
    return starting_mix(load_zoo(tiny_zoo))


def test_only_the_named_tasks_are_merged_with_their_numbers(tiny_zoo):
    made = mixed(start(tiny_zoo), {"animal": 0.5}, SUM)
    assert (made.method, made.ticked) == (SUM, ("animal",))
    assert made.strips[1].coefficient == 0.5


def test_a_mix_at_the_start_is_the_starting_mix(tiny_zoo):
    begun = start(tiny_zoo)
    usual = begun.strips[0].coefficient
    assert mixed(begun, dict.fromkeys(begun.names, usual)) == begun


def test_options_and_order_are_taken_over(tiny_zoo):
    made = mixed(
        start(tiny_zoo), {"color": 1.0, "animal": 1.0}, options={"strength": 0.5},
        order=("animal", "color"),
    )  # fmt: skip
    assert made.options["strength"] == 0.5
    assert made.names == ("animal", "color")
