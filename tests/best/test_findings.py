"""What findings come to, on made-up answers: who is the best, and what is said of it."""

from dataclasses import replace

import numpy as np

from studio.best.findings import Findings, HeldOut, Tried, verdict
from studio.best.trials import NOT_MERGING, Trial
from studio.methods.starting_points import STARTING_POINTS
from studio.recipe import Recipe, TaskEntry
from tests.outcomes import outcome

OWN = next(point for point in STARTING_POINTS if not point.rival)
RIVAL = next(point for point in STARTING_POINTS if point.rival)


def share(right: int, of: int = 400):
    return outcome({"a": np.arange(of) < right, "b": np.arange(of) < right})


def tried(what: str, right: int, level: int = 1, rival: bool = False, of: int = 400) -> Tried:
    recipe = Recipe("base", (TaskEntry("a", what), TaskEntry("b", what)), "average")
    trial = Trial(what, recipe, RIVAL if rival else OWN)
    return Tried(trial, recipe, share(right, of), 1.0, level)


def floor(right: int, level: int = 1) -> Tried:
    return Tried(NOT_MERGING, None, share(right), 1.0, level)


def findings(*every: Tried, **changes) -> Findings:
    return replace(Findings("Zoo", plan=(200, 400), level=1, complete=1, tried=every), **changes)


def test_the_best_is_named_with_its_rows_and_its_paired_change():
    found = findings(floor(200), tried("ours", 340), tried("theirs", 300, rival=True))
    assert found.winner
    assert found.rival
    assert (found.winner.trial.what, found.rival.trial.what) == ("ours", "theirs")
    (said,) = verdict(found)
    assert said.startswith("The best found is ours: mean accuracy 85.0% on the 800 validation rows")
    assert "+35.0 ± " in said


def test_what_does_not_beat_not_merging_beyond_noise_wins_nothing():
    found = findings(floor(300), tried("ours", 301))
    assert found.best
    assert found.winner is None
    assert verdict(found)[0].startswith("Nothing beats not merging by more than its interval")


def test_a_trial_that_left_early_is_no_best_however_well_it_did():
    early = tried("early", 199, level=0, of=200)
    found = findings(floor(200), early, tried("late", 320))
    assert found.best
    assert found.best.trial.what == "late"
    assert [x.trial.what for x in found.ranked] == ["late", "Not merging", "early"]


def test_a_round_that_was_cut_off_is_judged_on_the_rows_of_the_last_whole_one():
    first = tried("first", 150, level=0, of=200)
    second = tried("second", 160, level=1)  # of 400, and of the first 200 of them 160, too
    found = findings(floor(100, 0), first, second, complete=0)
    assert found.best is second
    assert findings(floor(100, 0), first, second, complete=-1, level=0).best is second


def test_on_held_out_rows_it_is_set_against_not_merging_the_rival_and_the_experts():
    held = HeldOut(share(350), ("head-only", share(200)), share(300), share(380))
    found = findings(floor(200), tried("ours", 340), tried("theirs", 300, rival=True))
    said = " ".join(verdict(replace(found, held_out=held)))
    assert "On n=800 held-out rows" in said
    assert "against not merging (head-only)" in said
    assert "keeps 83% of the experts' gain" in said  # 150 of 180
    assert "theirs, has mean accuracy 75.0% ± 3.0 there" in said
    assert "beyond noise ahead of it (+12.5 ± " in said


def test_held_out_rows_that_disagree_are_heard():
    held = HeldOut(share(200), ("base", share(200)), None, share(380))
    found = findings(floor(200), tried("ours", 340), held_out=held)
    assert any("do not rely on it" in each for each in verdict(found))


def test_what_was_not_reached_is_said():
    found = findings(floor(200), tried("ours", 340), left=("2 of 9 trials of round 3",))
    assert verdict(found)[-1] == "The budget did not reach: 2 of 9 trials of round 3."
    assert verdict(Findings("Zoo", left=("anything",)))[-1].endswith("reach: anything.")
