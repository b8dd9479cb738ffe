"""The history of mixes: what came to rest, once, with its scores; restored, named, compared."""

import pytest

from studio.errors import BadRecipe
from studio.session import mix_log
from studio.session.mix_log import MixLog
from tests.session.test_rankings import at_rest
from tests.session.test_session import move


class Clock:
    """Seconds as a test lets them pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(session) -> Clock:
    made = Clock()
    session.log = MixLog(session.context, session.pin_mix, made)
    session.edit("reset")
    session.edit("pin")
    return made


def rest(session, clock):
    at_rest(session)
    clock.now += 1
    session.snapshot()


def test_a_mix_is_logged_once_it_rested_and_was_scored_and_a_drag_is_not(session, clock):
    at_rest(session)
    session.snapshot()
    assert session.log.entries == ()  # it has not lain long enough
    rest(session, clock)
    for x in (0.1, 0.2, 0.3):
        clock.now += 0.1
        move(session, color={"coefficient": x})
        at_rest(session)
    rest(session, clock)
    assert [each.mix.strips[0].coefficient for each in session.log.entries][1:] == [0.3]
    assert session.log.entries[1].scores == session.snapshot().scores
    for known in session.log.entries:
        session.show_mix(known.mix)
        rest(session, clock)
    assert [each.number for each in session.log.entries] == [1, 2]  # each mix once


def test_what_was_at_rest_is_logged_by_the_move_that_leaves_it(session, clock):
    at_rest(session)
    clock.now += 5
    session.edit("halve")
    assert [each.number for each in session.log.entries] == [1]
    assert session.log.entries[0].when == 1000.0


def test_a_mix_is_restored_pinned_and_named(session, clock):
    rest(session, clock)
    start = session.mix
    session.edit("halve")
    rest(session, clock)
    session.log.restore(1)
    assert session.mix == start
    session.edit("undo")
    session.log.pin(2)
    assert session.mixer.pinned == session.mix
    session.log.rename(2, "  half <b> \n of all ")
    assert [each.title for each in session.log.entries] == ["mix 1", "half <b> of all"]
    session.log.rename(2, "")
    assert session.log.entries[1].title == "mix 2"
    session.edit("reset")
    session.edit("pin")


def test_two_mixes_are_compared_on_the_rows_of_both(session, clock):
    rest(session, clock)
    session.edit("halve")
    rest(session, clock)
    each = session.log.compare(1, 2)
    first, second = session.log.entries
    assert {name: change.n for name, change in each.items()} == {"color": 50, "animal": 50}
    for name, change in each.items():
        expected = second.scores[name].value - first.scores[name].value
        assert change.mean == pytest.approx(expected)


@pytest.mark.parametrize("numbers", [(1, 7), (None, 1), (1, 1)])
def test_what_is_not_there_cannot_be_compared(session, clock, numbers):
    rest(session, clock)
    with pytest.raises(BadRecipe, match="not there any more|Choose two"):
        session.log.compare(*numbers)


def test_it_is_bounded(session, clock, monkeypatch):
    monkeypatch.setattr(mix_log, "MOST", 2)
    for x in (0.1, 0.2, 0.3):
        move(session, color={"coefficient": x})
        rest(session, clock)
    assert [each.mix.strips[0].coefficient for each in session.log.entries] == [0.2, 0.3]
