"""Comparisons in a session: a job whose rows appear as they finish, and one sent to the mixer."""

import time

import pytest

from studio.errors import BadRecipe, StudioError
from studio.session.compare import Comparisons


def wait(session):
    while (state := session.job()) and state.running:
        time.sleep(0.02)
    return session.job()


@pytest.fixture
def compared(session):
    session.comparisons.start(["average", "iso_c"], tune=True)
    ended = wait(session)
    assert (ended.phase, ended.words) == ("done", "Compared 2 methods on held-out rows.")
    return session


def test_rows_appear_as_they_finish_and_stay_for_a_page_that_is_reloaded(compared):
    comparing = compared.comparisons
    assert comparing.version == 6  # references, the own mix, then two rows of each method
    compared.attend()
    assert compared.comparisons is comparing
    assert sorted(each.row.name for each in comparing.table.standings) == [
        "average", "average (tuned)", "iso_c", "iso_c (tuned)", "your mix",
    ]  # fmt: skip


def test_a_row_goes_to_the_mixer_and_undo_brings_the_old_mix_back(compared):
    before = compared.mix
    compared.comparisons.to_mixer("iso_c (tuned)")
    row = next(x for x in compared.comparisons.table.rows if x.name == "iso_c (tuned)")
    assert compared.mix.method == "iso_c"
    assert compared.mix.options["scale"] == row.factor
    assert [strip.coefficient for strip in compared.mix.strips] == [1.0, 1.0]
    compared.edit("undo")
    assert compared.mix == before


@pytest.mark.parametrize("name", ["magic", None, {"row": 1}])
def test_a_row_that_is_not_there_is_refused(compared, name):
    with pytest.raises(BadRecipe, match="reload the page"):
        compared.comparisons.to_mixer(name)


def test_what_the_mixer_shows_scores_as_in_the_table(compared):
    compared.comparisons.to_mixer("average")
    recipe = compared.snapshot().recipe
    every = compared.comparisons.table.standings
    standing = next(each for each in every if each.row.name == "average")
    assert compared.worker.scores(recipe, lambda share: None) == standing.scores


def test_the_own_mix_and_the_pinned_one_are_rows_of_their_own(session):
    session.edit("reset")
    session.edit("pin")
    session.edit("halve")
    pinned, mix = session.mixer.pinned.recipe(session.zoo), session.mix.recipe(session.zoo)
    session.comparisons.start(["average"], tune=False)
    wait(session)
    rows = session.comparisons.table.rows
    assert [row.name for row in rows] == ["your mix", "the pinned mix", "average"]
    assert [row.recipe for row in rows[:2]] == [mix, pinned]
    assert not any(row.tuned for row in rows)
    assert session.comparisons.table.proposal.row.name == "average"  # no mix is proposed
    of = {
        each.row.name: each.rival and each.rival[0] for each in session.comparisons.table.standings
    }
    assert of == {"your mix": "average", "the pinned mix": "average", "average": None}
    session.edit("reset")
    session.edit("pin")


def test_nothing_chosen_is_refused_before_a_job_starts(session):
    with pytest.raises(BadRecipe, match="at least one method"):
        session.comparisons.start([], tune=False)
    assert session.job() is None


def test_two_comparisons_at_once_are_refused(session):
    def wait_for_cancel(progress):
        while True:
            progress(0.5, "waiting")
            time.sleep(0.01)

    session.engine.jobs.start("Something else", wait_for_cancel, session.browser)
    with pytest.raises(StudioError, match="still running"):
        session.comparisons.start(["average"], tune=False)
    session.cancel_job()
    wait(session)


def test_the_budget_is_known_before_the_start(session):
    found = Comparisons(session.context, lambda: session.mix).budget(["average", "ties"], tune=True)
    assert (found.methods, found.evaluations) == (2, 2 * 7 * 60)
