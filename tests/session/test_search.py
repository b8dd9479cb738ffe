"""Searches of a running session: started, paused, stopped, cancelled, and taken back."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from studio.errors import BadRecipe, StudioError
from studio.search.cost import search_cost
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.session import search, search_job
from studio.session.session import Session
from tests.search.test_verdict import made
from tests.session.test_evidence import ended
from tests.session.test_session import move

QUICK = SearchPlan(budget=6, rows=24, batch=2)


class Gate:
    """Lets a search make one step after the other."""

    def __init__(self) -> None:
        self._may, self._made = threading.Semaphore(0), threading.Semaphore(0)

    def optimize(self, *about, **more):
        for run in optimize(*about, **more):
            assert self._may.acquire(timeout=60)
            yield run
            self._made.release()

    def let(self, steps: int) -> None:
        for _ in range(steps):
            self._may.release()

    def wait_for(self, steps: int) -> None:
        for _ in range(steps):
            assert self._made.acquire(timeout=60)


@pytest.fixture
def gate(monkeypatch) -> Gate:
    """Steps are made only as the test lets them, and every one is shown."""
    made = Gate()
    monkeypatch.setattr(search_job, "optimize", made.optimize)
    monkeypatch.setattr(search, "_OFTEN", 0.0)
    return made


@pytest.fixture
def bad(session, monkeypatch) -> Session:
    """A mix from which the norm rule, where a search may start, is a way to something better."""
    monkeypatch.setattr(search_job, "verdict", lambda *about: made(0.5, 0.6))
    move(session, color={"coefficient": 0.3}, animal={"coefficient": 0.0})
    return session


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def steps(session: Session) -> int:
    shown = session.searches.shown
    return len(shown.run.steps) if shown and shown.run else 0


def coefficients(session: Session) -> list[float]:
    return [row["coefficient"] for row in session.mixer_value()["rows"]]


def test_a_run_moves_the_sliders_ends_in_one_step_of_undo_and_can_be_taken_back(bad, gate):
    before = bad.mix
    bad.searches.start(QUICK)
    assert bad.mixer_value()["locked"]
    gate.let(2)
    until(lambda: steps(bad) == 2)
    rule = bad.searches.shown.run.steps[1].point
    assert coefficients(bad) == pytest.approx(rule)
    assert bad.mix == before
    assert bad.snapshot().recipe == before.recipe(bad.zoo)  # what is scored stays
    gate.let(99)
    state = ended(bad)
    shown = bad.searches.shown
    assert (state.phase, shown.phase) == ("done", "ended")
    assert shown.words == (
        "Ended after 6 of 6 steps: the budget is spent. Something better was found: your mix has "
        "50.0%, the best found 60.0% on 100 validation rows that it had not seen (+10.0 ± 2.0 "
        "points, paired)."
    )
    assert state.words == shown.words  # below the header it stays true when the mixer moves
    assert bad.searches.mixer_words.startswith("What was found is in the mixer")
    assert not bad.mixer_value()["locked"]
    assert coefficients(bad) == list(shown.run.best.point)
    assert bad.mix.fitted == shown.run.recipe().fitted
    assert [gain.split for gain in shown.gains] == ["validation", "held_out"]
    assert shown.gains[1].words.startswith("Held out: ")
    bad.edit("undo")
    assert bad.mix == before
    assert bad.searches.mixer_words == "Your mix from before the search is in the mixer."
    move(bad, color={"coefficient": 0.9})
    assert bad.searches.mixer_words == "The mixer shows another mix since then."
    bad.edit("undo")
    assert bad.searches.can_show_best
    bad.searches.show_best()
    assert coefficients(bad) == list(shown.run.best.point)
    assert bad.searches.can_go_back
    bad.searches.show_before()
    assert bad.mix == before
    assert not bad.searches.can_go_back


def test_a_paused_run_waits_between_two_steps_and_can_be_cancelled(bad, gate):
    before = bad.mix
    bad.searches.start(QUICK)
    bad.searches.pause()
    gate.let(99)
    until(lambda: bad.job().words == "paused at 0 of 6 steps")
    assert bad.searches.paused
    assert steps(bad) == 1
    bad.searches.resume()
    until(lambda: steps(bad) > 1)
    bad.searches.pause()
    until(lambda: bad.job().words.startswith("paused"))
    bad.cancel_job()
    assert ended(bad).phase == "cancelled"
    shown = bad.searches.shown
    assert shown.words == "Cancelled: the mixer was left as it is."
    assert bad.mix == before
    assert not bad.searches.running
    bad.searches.show_best()
    assert coefficients(bad) == list(shown.run.best.point)


def test_stop_keeps_the_best_so_far_and_measures_it(bad, gate):
    bad.searches.start(replace(QUICK, budget=1000))
    gate.let(3)
    until(lambda: steps(bad) == 3)
    bad.searches.pause()
    bad.searches.stop()
    gate.let(1)
    assert ended(bad).phase == "done"
    shown = bad.searches.shown
    assert shown.words.startswith("Ended after 2 of 1000 steps: it was stopped. Something better")
    assert len(shown.gains) == 2
    assert coefficients(bad) == list(shown.run.best.point)


def test_a_mix_that_was_changed_meanwhile_is_left_alone(bad, gate):
    bad.searches.start(QUICK)
    gate.let(2)
    until(lambda: steps(bad) == 2)
    move(bad, color={"on": False})
    changed = bad.mix
    assert not bad.mixer_value()["locked"]
    gate.let(99)
    ended(bad)
    assert bad.mix == changed
    shown = bad.searches.shown
    assert shown.words.endswith("The mix was changed while it ran, so it was left as it is.")
    assert shown.gains
    assert bad.searches.can_show_best
    bad.searches.show_best()
    assert bad.mix.ticked == ("color", "animal")


def test_of_many_coefficients_a_task_the_slider_shows_the_mean_while_it_runs(bad, gate):
    bad.searches.start(replace(QUICK, granularity="group"))
    gate.let(5)
    until(lambda: steps(bad) == 5)
    run = bad.searches.shown.run
    own = run.free.of_task(run.steps[-1].point, "color")
    assert len(set(own)) > 1
    assert coefficients(bad)[0] == pytest.approx(sum(own) / len(own), abs=1e-4)
    bad.searches.stop()
    gate.let(1)
    ended(bad)


def test_a_mix_that_nothing_betters_stays_without_a_step_of_undo(bad, gate, monkeypatch):
    before = bad.mix
    bad.searches.start(QUICK)
    bad.searches.stop()  # after the mix itself was checked
    gate.let(1)
    assert ended(bad).phase == "done"
    shown = bad.searches.shown
    assert shown.words.endswith("Nothing better than your mix was found; it stays.")
    assert bad.mix == before
    assert shown.gains == ()
    assert bad.searches.mixer_words == ""


@pytest.mark.parametrize("after", [0.6, 0.4])
def test_what_has_a_lower_loss_and_scores_no_better_is_not_put_into_the_mixer(
    bad, gate, monkeypatch, after
):
    before = bad.mix
    monkeypatch.setattr(search_job, "verdict", lambda *about: made(0.6, after))
    bad.searches.start(QUICK)
    gate.let(99)
    assert ended(bad).phase == "done"
    shown = bad.searches.shown
    assert shown.run.best.value < shown.run.steps[0].value
    assert bad.mix == before
    assert (
        f"Nothing better was found: your mix has 60.0%, the best found {after:.1%}" in shown.words
    )
    assert shown.words.endswith("; your mix stayed.")
    assert bad.searches.mixer_words == "Your mix from before the search is in the mixer."
    assert len(shown.gains) == 2  # so that somebody who tries it knows what it does
    assert bad.searches.can_show_best
    bad.searches.show_best()
    assert coefficients(bad) == list(shown.run.best.point)
    assert bad.searches.mixer_words.startswith("What was found is in the mixer")


def test_without_labels_the_loss_decides_and_it_is_said(bad, gate, monkeypatch):
    monkeypatch.setattr(search_job, "verdict", lambda *about: None)
    bad.searches.start(QUICK)
    gate.let(99)
    ended(bad)
    assert "no scores were compared, since not all validation rows have" in (
        bad.searches.shown.words
    )
    assert coefficients(bad) == list(bad.searches.shown.run.best.point)


def test_a_search_that_is_cancelled_while_it_is_compared_leaves_the_mixer(bad, gate, monkeypatch):
    def cancelled(bench, run, progress) -> None:
        bad.cancel_job()
        progress(0.5, "comparing")

    before = bad.mix
    monkeypatch.setattr(search_job, "verdict", cancelled)
    bad.searches.start(QUICK)
    gate.let(99)
    assert ended(bad).phase == "cancelled"
    assert bad.mix == before
    assert bad.searches.shown.words == "Cancelled: the mixer was left as it is."
    assert bad.searches.can_show_best


def test_runs_are_named_kept_and_laid_over_and_the_oldest_are_forgotten(session, monkeypatch):
    for budget in (1, 1, 2, 3, 4, 5, 6, 7):
        session.searches.start(replace(QUICK, budget=budget, granularity="tensor"))
        session.searches.stop()
        ended(session)
    names = [each.name for each in session.searches.earlier]
    assert names == [f"Adam, per tensor, {budget} steps, seed 0" for budget in (6, 5, 4, 3, 2)] + [
        "Adam, per tensor, 1 steps, seed 0 (2)"
    ]
    version = session.searches.version
    session.searches.lay_over(names[0])
    assert session.searches.beside.plan.budget == 6
    assert session.searches.version > version
    session.searches.lay_over(None)
    assert session.searches.beside is None


def test_what_cannot_be_run_is_said_before_anything_starts(session):
    session.edit("reset")
    for wish, words in [
        (SearchPlan(budget=0), "budget 0: give a whole number from 1"),
        (SearchPlan(ewc=-1.0), "The strength of EWC is -1"),
    ]:
        with pytest.raises(BadRecipe, match=words):
            session.searches.start(wish)
    move(session, color={"on": False}, animal={"on": False})
    with pytest.raises(BadRecipe, match="Nothing is merged"):
        session.searches.start(QUICK)
    with pytest.raises(BadRecipe, match="reload the page"):
        session.searches.show_before()
    assert session.job() is None
    assert session.searches.shown is None


def test_what_only_the_job_can_see_ends_the_run_in_words(session):
    session.searches.start(SearchPlan(optimizer="cma", budget=2, rows=24))
    assert ended(session).phase == "failed"
    shown = session.searches.shown
    assert shown.refused
    assert "a generation of CMA-ES in 2 directions has 6" in shown.words
    with pytest.raises(StudioError, match="reload the page"):
        session.searches.show_best()


@pytest.mark.parametrize(
    "plan", [QUICK, SearchPlan(optimizer="cma", budget=13, rows=24, granularity="group")]
)
def test_a_forecast_is_what_a_whole_run_spends(session, plan):
    session.searches.wish = plan
    told = session.searches.forecast()
    session.searches.start(plan)
    ended(session)
    run = session.searches.shown.run
    assert search_cost(plan, run.rows, len(run.free)).rows == run.spent
    assert told.rows == pytest.approx(run.spent, rel=0.15)  # groups may shift some rows


def test_a_page_is_shown_some_steps_of_many_and_the_last_one_at_the_end(bad, gate, monkeypatch):
    monkeypatch.setattr(search, "_OFTEN", 3600.0)
    bad.searches.start(QUICK)
    gate.let(3)
    gate.wait_for(3)
    assert steps(bad) == 0  # the start was shown a moment ago
    bad.searches.stop()
    gate.let(1)
    assert ended(bad).phase == "done"
    assert steps(bad) == 4
