"""Sentences of the Geometry tab."""

from dataclasses import replace

from studio.session.mix import Mix, Strip
from studio.ui.views.geometry import nothing_to_show, order
from tests.ui.snapshots import EVIL, snapshot


def test_nothing_to_show_tells_an_empty_mix_from_a_refused_one_from_one_being_measured():
    now = snapshot()
    empty = replace(now, recipe=now.recipe.without("a"))
    refused = replace(now, refusal="no", refused=True)
    assert nothing_to_show(now) == ""
    assert nothing_to_show(empty) == "Nothing is merged, so there is nothing to show."
    assert "cannot be merged; the reason stands above" in nothing_to_show(refused)
    unscored = replace(now, refusal="the head of 'a' does not fit")  # geometry is none the worse
    assert nothing_to_show(unscored) == ""


def test_the_order_has_one_sentence_for_two_tasks_or_more():
    assert order(snapshot(order="Order: x")) == ""  # one task
    mix = Mix((Strip("a", True, 0.5), Strip(EVIL, True, 0.5)), "average")
    both = snapshot(order=EVIL)
    both = replace(both, mix=mix, recipe=mix.recipe(both.zoo))
    assert EVIL not in order(both)
    assert "comparing" in order(replace(both, order=""))
    assert order(replace(both, refused=True)) == ""
