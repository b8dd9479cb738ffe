"""The search for the best in a session: a job whose trials appear, go to the mixer, and last."""

import time

import numpy as np
import pytest

from studio.best.findings import HeldOut
from studio.best.judge import Judge
from studio.errors import BadData, BadRecipe, Cancelled
from studio.session import best as session_best
from studio.session.best import Bests
from studio.zoo import Zoo
from tests.best.test_findings import OWN, findings, floor, tried
from tests.outcomes import outcome
from tests.session.test_compare import wait


def made_up(zoo: Zoo, **changes):
    """Findings of the tiny zoo that nobody measured."""
    ours = tried("ours", 340)
    recipe = zoo.recipe("average")
    ours = type(ours)(
        type(ours.trial)("ours", recipe, OWN), recipe, ours.outcome, 2.0, 1
    )  # fmt: skip
    return findings(floor(200), ours, ended=True, **changes)


@pytest.fixture
def instant(session, monkeypatch):
    """A search that finds at once, in two steps."""

    def find_best(bench, plan, folder, progress):
        last = made_up(bench.zoo, held_out=_held(bench))
        yield made_up(bench.zoo)
        progress(0.5, "half way")
        yield last

    monkeypatch.setattr(session_best, "find_best", find_best)
    return session


def _held(bench) -> HeldOut:
    counts = {name: len(bench.tasks[name].rows("held_out")) for name in bench.tasks}
    right = outcome({name: np.ones(count) for name, count in counts.items()})
    return HeldOut(right, ("base", right), None, right)


def test_trials_appear_and_stay_for_a_page_that_is_reloaded(instant):
    instant.bests.start(30)
    ended = wait(instant)
    assert (ended.phase, ended.name) == ("done", "Find the best")
    assert ended.words.startswith("The best found is ours: mean accuracy 85.0%")
    bests = instant.bests
    assert (bests.version, bests.seconds) == (2, 30)
    instant.attend()
    assert instant.bests is bests
    assert instant.bests.found


def test_a_trial_goes_to_the_mixer_in_one_step_and_says_that_rows_have_chosen_it(instant):
    instant.bests.start(30)
    wait(instant)
    before = instant.mix
    key = instant.bests.found.best.trial.key
    instant.bests.use(key)
    assert instant.mix.method == "average"
    assert instant.mix.fitted.by == "find the best"
    instant.edit("undo")
    assert instant.mix == before


@pytest.mark.parametrize("key", [None, "magic", {"use": 1}])
def test_a_trial_that_is_not_there_and_not_merging_cannot_be_used(instant, key):
    with pytest.raises(BadRecipe, match="reload the page"):
        instant.bests.use(key)
    instant.bests.start(30)
    wait(instant)
    for each in (key, floor(1).trial.key):
        with pytest.raises(BadRecipe, match="reload the page"):
            instant.bests.use(each)


def test_what_was_scored_on_held_out_rows_lands_in_the_table_of_everything_tried(instant):
    instant.bests.start(30)
    wait(instant)
    landed = [each for each in instant.context.tried.all if each.what.startswith("Find the best")]
    assert [each.what for each in landed] == ["Find the best: ours"]
    assert landed[0].recipe.fitted.by == "find the best"


def test_cancelling_says_how_many_trials_are_kept(session, monkeypatch):
    def find_best(bench, plan, folder, progress):
        yield made_up(bench.zoo)
        while True:
            progress(0.5, "waiting")
            time.sleep(0.01)

    monkeypatch.setattr(session_best, "find_best", find_best)
    session.bests.start(30)
    while not session.bests.version:
        time.sleep(0.01)
    session.cancel_job()
    ended = wait(session)
    assert ended.phase == "cancelled"
    assert ended.words == "Cancelled: 2 trials are kept, and Find the best goes on from there."
    assert session.bests.found


def test_what_cannot_be_searched_is_refused_before_a_job_starts(session, monkeypatch):
    with pytest.raises(BadRecipe, match="give a number above 0"):
        session.bests.start(0)

    def refuse(self, bench, criterion):
        raise BadData("No rows.")

    monkeypatch.setattr(Judge, "__init__", refuse)
    with pytest.raises(BadData, match="No rows"):
        session.bests.start(10)
    assert session.job() is None


def test_a_search_that_kept_nothing_says_so(session, monkeypatch):
    def find_best(*arguments):
        raise Cancelled("Stopped.")

    monkeypatch.setattr(session_best, "find_best", find_best)
    bests = Bests(session.context)
    bests.start(10)
    assert wait(session).words.startswith("Cancelled: 0 trials are kept")
