"""Sentences of the Why tab."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
import torch

from studio.geometry.gram import Gram
from studio.measure.certainty import Certainty
from studio.measure.change import Change
from studio.measure.input_drift import InputDrift
from studio.measure.interference import Interference
from studio.session.geometry import Geometry
from studio.session.mix import Mix, Strip
from studio.ui.views.why import (
    disturbing,
    meaning,
    nothing_to_show,
    opening,
    order,
    prospects,
    shown,
    strongest,
)
from tests.ui.charts.test_geometry import geometry
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


def of_cosines(before: float, after: float | None, kept: float = 0.5) -> Geometry:
    """Of two tasks of length 1."""

    def gram(cosine: float) -> Gram:
        return Gram(("a", "b"), ("x",), torch.tensor([[[1.0, cosine], [cosine, 1.0]]]).double())

    made = None if after is None else gram(after)
    return Geometry(gram(before), made, 0.0, "model", False, (1.0, kept))


_NONE_LEFT = "after, no two share anything (0.00)."


@pytest.mark.parametrize(
    ("before", "after", "start", "end"),
    [
        (0.67, 0.0, "a and b point the same way (cosine 0.67) before", _NONE_LEFT),
        (0.67, 0.67, "a and b point the same way (cosine 0.67) before", "this mix leaves it so."),
        (0.3, 0.1, "a and b point partly the same way (cosine 0.30) before",
         "after, a and b still share most (cosine 0.10)."),
        (-0.7, 0.0, "a and b point opposite ways (cosine -0.70) before", _NONE_LEFT),
        (0.02, 0.0, "No two tasks share much: the largest cosine before is 0.02, of a and b",
         _NONE_LEFT),
        (0.67, None, "a and b point the same way (cosine 0.67) before",
         "this method has no part per task, so there is no after."),
    ],
)  # fmt: skip
def test_the_first_sentence_says_what_the_picture_shows(before, after, start, end):
    assert shown(of_cosines(before, after)) == f"{start}; {end}"


def test_the_strongest_pair_is_so_whatever_its_sign():
    cosine = torch.tensor([[1.0, 0.2, -0.5], [0.2, 1.0, 0.4], [-0.5, 0.4, 1.0]])
    assert strongest(cosine, ("a", "b", "c")) == (("a", "c"), -0.5)


def both(geometry: Geometry | None):
    mix = Mix((Strip("a", True, 0.5), Strip(EVIL, True, 0.5)), "average")
    now = snapshot(geometry=geometry)
    return replace(now, mix=mix, recipe=mix.recipe(now.zoo))


def measured(first: float, second: float) -> Interference:
    changes = {("a", "b"): Change(first, 0.01, 200), ("b", "a"): Change(second, 0.01, 100)}
    return Interference(snapshot().recipe, changes)


def test_the_last_sentence_says_what_it_means_and_what_to_do():
    def said(geometry: Geometry, found: Interference | None = None) -> str:
        return meaning(both(geometry), found)

    assert "b keeps 45% of its change" in said(of_cosines(0.7, 0.0, 0.45))
    assert "is added twice" in said(of_cosines(0.7, 0.7))
    assert "hardly touch" in said(of_cosines(0.02, 0.0))
    assert "one common change" in said(of_cosines(0.7, None))
    assert "a is disturbed most, by b" in said(of_cosines(0.7, 0.0), measured(-0.08, 0.0))
    assert "No task surely loses" in said(of_cosines(0.7, 0.0), measured(-0.005, 0.0))
    assert "tick a second one" in meaning(both(geometry(1)), None)
    assert meaning(both(None), None) == ""


def payload(html: str) -> dict:
    found = re.search(r"data-pairs='([^']*)'", html)
    assert found
    return json.loads(unescape(found[1]))


def test_a_pair_brings_its_cosines_layers_and_losses_and_names_run_nothing():
    made = geometry(3)
    html = opening(made, None)
    assert "<img" not in html
    found = payload(html)
    assert made.after is not None
    assert found["before"][0][1] == pytest.approx(float(made.before.cosine()[0, 1]), abs=1e-4)
    assert found["after"][1][2] == pytest.approx(float(made.after.cosine()[1, 2]), abs=1e-4)
    assert found["places"] == ["layer.0", "layer.1"]
    block = made.before.grouped("layer")[1][1]
    cosine = float(block[0, 2] / (block[0, 0] * block[2, 2]).sqrt())
    assert found["layers"]["0-2"][1] == [
        1,
        pytest.approx(cosine, abs=1e-6),
    ]  # shown as in the table
    assert (found["lost"], found["measured"]) == ({}, False)
    lost = payload(opening(of_cosines(0.5, 0.0), measured(-0.08, 0.001)))["lost"]
    assert lost == {
        "0-1": "-8.0 ± 1.0 points (200 rows)",
        "1-0": "+0.1 ± 1.0 points, which may be chance (100 rows)",
    }


def test_what_the_button_does_is_said_with_its_seconds_and_then_what_it_found():
    now = both(of_cosines(0.5, 0.0))
    assert "About 12 s" in disturbing(now, None, 12.3)
    assert "About 3 minutes" in disturbing(now, None, 170)
    assert "About" not in disturbing(now, None, None)
    assert "a loses most, when b is added" in disturbing(now, measured(-0.08, 0.0), None)
    assert "no task surely loses" in disturbing(now, measured(0.0, 0.0), None)
    assert disturbing(snapshot(), None, 1.0) == ""  # one task


def test_what_opposes_each_other_is_said_to_cancel_and_never_to_be_counted_twice():
    opposed = meaning(both(of_cosines(-0.6, -0.6)), None)
    assert "a and b partly cancel each other" in opposed
    cleared = meaning(both(of_cosines(-0.6, 0.0)), None)
    assert "What a and b share no longer cancels" in cleared
    assert "twice" not in opposed + cleared


def test_whether_it_will_merge_is_one_line_with_all_its_reasons():
    made = replace(of_cosines(0.5, 0.0), reasons=("norms differ <b>much</b>",))
    assert prospects(replace(made, residual=None), None) == ""
    html = prospects(made, None)
    assert "id='prospect'>Will it merge? Look closely: norms differ &lt;b&gt;much" in html
    asked = replace(measured(-0.08, 0.0), certainty={"a": Certainty(0.2, 64)})
    assert "unsure of their own validation rows are &#x27;a&#x27; (0.20, n=64)" in (
        prospects(made, asked)
    )
    calm = prospects(of_cosines(0.5, 0.0), None)
    assert "Nothing in the deltas speaks against it" in calm
    assert html in opening(made, None)


def test_drift_is_told_beside_the_button_once_it_was_measured():
    found = replace(measured(-0.08, 0.0), drift=InputDrift({"a": 0.5, "b": 0.4}))
    html = disturbing(both(of_cosines(0.5, 0.0)), found, None)
    assert "data-term='drift'" in html
    assert ": What enters a layer of this mix differs from what its expert sees by 45%" in html
    assert "at most 64 rows each" in disturbing(both(of_cosines(0.5, 0.0)), None, None)
