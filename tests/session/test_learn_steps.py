"""The eight steps: what each sets, when a try counts, and what it is told to have shown."""

from dataclasses import replace
from typing import Any

import pytest

from studio.lesson.removal import BroughtBack
from studio.measure.change import Change
from studio.session.learn_mixes import mixed
from studio.session.learn_removal_steps import bringing_back, forgetting, unmerging
from studio.session.learn_step import Tried, missing, worst_of
from studio.session.learn_steps import adding, coefficients, delta, interference, shared
from studio.session.mix import starting_mix
from studio.zoo import load_zoo
from tests.lesson.test_facts import FACTS, score
from tests.session.test_presets import facts_for

WORSE, BETTER, SAME = Change(-0.2, 0.05, 100), Change(0.2, 0.05, 100), Change(0.01, 0.05, 100)


@pytest.fixture
def start(tiny_zoo):
    return starting_mix(load_zoo(tiny_zoo))


@pytest.fixture
def facts(start):
    return facts_for(start.names, 0.6)


def tried(mix, scores=None, changes=None, attack=None) -> Tried:
    known = {"color": score(0.5), "animal": score(0.4)} if scores is None else scores
    return Tried(mix, lambda each: known, lambda old, new: changes or {}, attack)


def test_a_delta_at_zero_is_the_base(facts, start):
    step: Any = delta(facts, start)
    assert step.mix.ticked == ("color",)
    assert "length 1.00" in step.words[1]
    assert not step.check(tried(step.mix)).tried
    at_zero = mixed(start, {"color": 0.0}, step.mix.method)
    outcome = step.check(tried(at_zero))
    assert outcome.right == 1
    assert "50.0%" in outcome.words
    assert step.check(tried(at_zero, scores={})).right is None


def test_adding_asks_for_a_try_and_answers_by_the_paired_change(facts, start):
    step: Any = adding(facts, start)
    assert step.task == "Untick animal."  # of two tasks, there is no third to add
    alone = step.mix.unticked(["animal"])
    assert not step.check(tried(step.mix, changes={"color": BETTER})).tried
    for change, right in ((BETTER, 0), (SAME, 1), (WORSE, 2)):
        assert step.check(tried(alone, changes={"color": change})).right == right
    assert "n=100" in step.check(tried(alone, changes={"color": BETTER})).words
    waiting = step.check(tried(alone, scores={}))
    assert (waiting.right, waiting.tried) == (None, False)
    assert "Press Set the mixer" in waiting.words


def test_interference_is_the_mean_of_the_others(facts, start):
    step: Any = interference(facts, start)
    assert facts.strong == "color"
    raised = mixed(start, {"color": 1.0, "animal": 0.71})
    outcome = step.check(tried(raised, changes={"color": BETTER, "animal": WORSE}))
    assert outcome.right == 2
    assert "Hardest hit is animal" in outcome.words
    assert not step.check(tried(step.mix)).tried


def test_what_is_shared_says_the_angle_and_what_is_left(facts, start):
    step: Any = shared(facts, start)
    assert step.mix.options["strength"] == 0.0
    assert "Move share taken out, under the method" in step.task  # as the page calls it
    words = " ".join(step.words)
    assert "cosine is 0.600, an angle of 53 degrees" in words
    assert "64.0%" in words
    whole = mixed(start, {"color": 1.0, "animal": 1.0})
    assert step.check(tried(whole, changes={"color": SAME, "animal": SAME})).right == 1
    little = shared(facts_for(start.names, 0.01), start)
    assert "expect little" in little.words[0]


def test_coefficients_are_halved(facts, start):
    step: Any = coefficients(facts, start)
    assert not step.check(tried(step.mix)).tried
    outcome = step.check(tried(step.mix.halved(), changes={"color": BETTER, "animal": BETTER}))
    assert outcome.right == 0


def test_unticking_leaves_nothing(facts, start):
    step: Any = unmerging(facts, start, 0.25)
    assert "25.0%" in step.words[0]
    assert step.check(tried(step.mix.unticked(["color"]))).right == 0
    assert not step.check(tried(step.mix)).tried


def test_an_attack_answers_who_brings_it_back(facts, start):
    step: Any = bringing_back(facts, start, 0.25)
    assert step.mix.ticked == ("animal",)
    assert not step.check(tried(step.mix)).tried
    found = BroughtBack("color", score(0.9), score(0.4), score(0.4), score(0.85))
    assert step.check(tried(step.mix, attack=found)).right == 0
    assert step.check(tried(step.mix, attack=replace(found, back=score(0.42)))).right == 2
    assert step.check(tried(step.mix, attack=replace(found, back=None))).right == 2
    assert step.check(tried(step.mix, attack=replace(found, task="other"))).right is None


def test_forgetting_follows_the_arrivals(facts, start):
    step: Any = forgetting(facts, start)
    assert step.mix.ticked == ("color",)
    waiting = step.check(tried(step.mix))
    assert "with 1 50.0%, with 2 50.0%" in waiting.words
    every = mixed(start, {"color": 0.71, "animal": 0.71})
    assert step.check(tried(every, changes={"color": WORSE})).right == 2


def test_what_a_zoo_lacks_is_said_in_the_step(facts, start):
    alone = replace(facts, tasks=("color",), cosines={})
    for make in (adding, interference, shared, forgetting):
        step = make(alone, start)
        assert (step.mix, step.lacks) == (None, missing("", step.lacks).lacks)
        assert "one task only" in step.lacks
    bare = replace(facts, scored=(), experts={}, base={})
    assert "no rows" in delta(bare, start).lacks
    assert delta(bare, start).mix is not None
    assert "no rows" in bringing_back(bare, start, 0.1).lacks
    assert "in the span of the others" in unmerging(facts, start, None).lacks
    assert "in the span of the others" in bringing_back(facts, start, None).lacks
    assert delta(replace(facts, experts={}), start).lacks == ""
    waiting = replace(facts, experts={})
    assert "still coming" in bringing_back(waiting, start, 0.1).lacks


def test_the_worst_is_the_one_that_loses_most():
    assert worst_of({"a": SAME, "b": WORSE, "c": BETTER}) == "b"
    assert FACTS.first == "a"


def other(mix, name, **changes):
    strips = (replace(s, **changes) if s.name == name else s for s in mix.strips)
    return replace(mix, strips=tuple(strips))


def test_wrong_moves_count_at_no_step(facts, start):
    """What the changes would say is known, so that only the move itself can be missing."""
    known = {"color": WORSE, "animal": WORSE}
    half = {"color": 0.5, "animal": 0.5}
    up = mixed(start, {"color": 1.0, "animal": 0.71})
    whole = mixed(start, {"color": 1.0, "animal": 1.0})
    wrong = {
        delta: [
            mixed(start, {}), mixed(start, {"animal": 0.0}), mixed(start, {"color": 0.0}),
            mixed(start, {"color": 0.0, "animal": 0.0}), mixed(start, {"color": 0.1}),
        ],
        adding: [mixed(start, {"animal": 1.0}), mixed(start, {"color": 1.0}), mixed(start, {})],
        interference: [
            mixed(start, {"color": 0.91, "animal": 0.71}), mixed(start, {"color": 1.0}), whole,
            other(up, "color", coefficient=3.0), replace(up, strips=up.strips[::-1]),
        ],
        shared: [
            mixed(start, {"color": 1.0, "animal": 0.9}), whole.unticked(["color"]),
            replace(whole, options={**whole.options, "strength": 0.8}),
        ],
        coefficients: [
            other(whole, "color", coefficient=0.5), mixed(start, half, options={"strength": 0.0}),
            mixed(start, {"color": 0.5}), whole.halved().halved(),
        ],
        forgetting: [whole, mixed(start, {"animal": 0.71}), mixed(start, {"color": 0.71}), up],
    }  # fmt: skip
    for make, mixes in wrong.items():
        step = make(facts, start)
        for mix in mixes:
            outcome = step.check(tried(mix, changes=known))
            assert (outcome.tried, outcome.right) == (False, None), (make.__name__, mix)
    step = unmerging(facts, start, 0.25)
    assert step.mix
    out = step.mix.unticked(["color"])
    for mix in (
        step.mix.unticked(["animal"]), step.mix.unticked(["color", "animal"]),
        other(out, "animal", coefficient=0.2), out.with_method("ties"),
    ):  # fmt: skip
        assert not step.check(tried(mix)).tried


def test_a_right_move_after_a_wrong_one_counts(facts, start):
    step: Any = interference(facts, start)
    known = {"color": BETTER, "animal": WORSE}
    beside = mixed(start, {"color": 1.0, "animal": 0.5})
    told = step.check(tried(beside, changes=known)).words
    assert told.startswith("Other than this step sets it: the number of animal.")
    back = other(beside, "animal", coefficient=0.71)
    assert step.check(tried(back, changes=known)).right == 2
