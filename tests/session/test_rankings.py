"""The ranked table of a session: own mixes, what landed, and a row put into the mixer."""

import pytest

from studio.errors import BadRecipe
from studio.session.rankings import outcome_of
from studio.session.sweep import SweepWish
from tests.session.test_compare import wait
from tests.session.test_evidence import ended
from tests.session.test_search import QUICK
from tests.session.test_session import move


def at_rest(session):
    session.worker.scores(session.context.recipe(), lambda share: None)
    session.worker.scores(session.mixer.pinned.recipe(session.zoo), lambda share: None)


def whats(session) -> set[str]:
    return {row.tried.what for row in session.rankings.ranking.rows}


def test_the_own_mix_and_the_pinned_one_are_always_there(session):
    assert whats(session) == {"Your mix, pinned"}
    before = session.rankings.ranking
    assert before.mine is None  # not measured yet
    at_rest(session)
    mine = session.rankings.ranking.mine
    assert mine.place == 1
    known = session.worker.results.evaluation(session.context.recipe())
    assert mine.tried.outcome.scores == outcome_of(known).scores == known.scores()
    session.edit("halve")
    at_rest(session)
    found = session.rankings.ranking
    assert whats(session) == {"Your mix", "The pinned mix"}
    pinned = next(row for row in found.rows if row.tried.own == "pinned")
    assert set(pinned.each) == {"color", "animal"}
    session.edit("reset")


def test_the_table_stands_still_while_the_mix_is_not_measured(session):
    at_rest(session)
    before = session.rankings.ranking
    session.worker.stop()  # nothing is scored any more
    move(session, color={"coefficient": 0.123})
    assert session.rankings.moving
    assert session.rankings.ranking.mine.tried == before.mine.tried


def test_methods_a_search_and_a_sweep_land_and_are_kept_over_reloads(session):
    session.comparisons.start(["average"], tune=False)
    wait(session)
    session.comparisons.start(["ties"], tune=False)
    wait(session)
    move(session, color={"coefficient": 0.3}, animal={"coefficient": 0.0})
    session.sweeps.wish = SweepWish((("coefficient.animal", 0.0, 1.0),), levels=1, rows=6)
    session.sweeps.start()
    wait(session)
    session.searches.start(QUICK)
    assert ended(session).phase == "done"
    session.attend()
    at_rest(session)
    found = {row.tried.what: row for row in session.rankings.ranking.rows}
    assert {"Average", "TIES"} <= set(found)
    assert found["TIES"].tried.about.startswith("TIES, all ")
    assert found["Average"].tried.seconds > 0
    assert sum(row.rows for row in found.values()) == 100 * len(found)  # the same rows for all
    landed = {row.tried.what.split(":")[0] for row in found.values()}
    assert landed <= {"Average", "TIES", "Search", "Sweep", "Your mix", "The pinned mix"}
    assert {"Search", "Sweep"} & {each.what.split(":")[0] for each in session.context.tried.all}


def test_a_row_goes_to_the_mixer_and_undo_brings_the_mix_back(session):
    session.comparisons.start(["ties"], tune=False)
    wait(session)
    at_rest(session)
    before = session.mix
    row = next(x for x in session.rankings.ranking.rows if x.tried.what == "TIES")
    session.rankings.use(row.tried.key)
    assert session.mix.method == "ties"
    at_rest(session)
    mine = session.rankings.ranking.mine
    assert mine.tried.key == row.tried.key  # one row, not two of the same
    assert "TIES" not in whats(session)
    session.edit("undo")
    assert session.mix == before
    at_rest(session)
    assert "TIES" in whats(session)


@pytest.mark.parametrize("key", ["nothing", None, {"row": 1}])
def test_a_row_that_is_not_there_is_refused(session, key):
    with pytest.raises(BadRecipe, match="reload the page"):
        session.rankings.use(key)
