"""The plane of a running session: a job that grows, and the shown mix and search upon it."""

import time

import pytest

from studio.errors import BadRecipe, NotAllowed, StudioError
from studio.geometry.plane import Spot
from studio.session import planes as module
from studio.session.planes import PlaneWish
from tests.session.test_compare import wait
from tests.session.test_session import move, rest

SMALL = PlaneWish(("color", "animal"), 2, 6)


def measured(session):
    session.planes.wish = SMALL
    session.planes.start()
    return wait(session)


def drawn(session, run=None):
    """Waits for what is found beside the page."""
    found = session.planes.drawn("page", run)
    while found.pending:
        time.sleep(0.01)
        found = session.planes.drawn("page", run)
    return found


def test_the_map_grows_as_a_job_and_stays_for_a_page_that_is_reloaded(session):
    rest(session)
    planes = session.planes
    assert planes.pair() == ("color", "animal")
    assert planes.drawn("page", None) is None
    tasks, cost, seconds = planes.plan()
    bench = session.worker.bench
    rows = sum(len(bench.tasks[name].rows("validation")) for name in tasks)
    assert (tasks, cost.points, cost.rows) == (("color", "animal"), 85, rows)
    assert seconds
    assert seconds > 0
    ended = measured(session)
    assert (ended.phase, ended.name) == ("done", "Plane of color and animal")
    assert planes.version == 29
    assert planes.found.done
    session.attend()
    assert session.planes is planes


def test_the_mix_moves_on_the_plane(session):
    rest(session)
    measured(session)
    plane = session.planes.found.plane
    move(session, color={"coefficient": 0.5}, animal={"on": False})
    found = drawn(session)
    half = plane.at(0.5, 0.0)
    assert (found.mix.x, found.mix.y) == pytest.approx((half.x, half.y))
    assert found.orthogonal[1].x == pytest.approx(plane.at(1.0, 0.0).x)
    move(session, color={"on": False})
    assert drawn(session).mix == Spot(0.0, 0.0)


def test_a_method_with_vectors_of_its_own_is_placed_beside_the_page(session):
    rest(session)
    measured(session)
    session.show_mix(session.mix.with_method("ties"))
    first = session.planes.drawn("page", None)
    assert first.pending or first.mix
    found = drawn(session)
    assert found.mix.share > 0.01
    assert found.search == ()


def test_it_can_be_cancelled_and_keeps_what_it_has(session):
    session.planes.wish = PlaneWish(("color", "animal"), 4, 30)
    session.planes.start()
    while session.planes.version < 2:
        time.sleep(0.01)
    session.cancel_job()
    ended = wait(session)
    assert ended.phase == "cancelled"
    count = len(session.planes.found.known)
    assert 0 < count < 293
    assert f"Cancelled. {count} of 293 models were measured and stay on the map" in ended.words
    assert "nothing was written" not in ended.words


def test_what_cannot_be_measured_is_refused_before_it_starts(session, monkeypatch):
    session.planes.wish = PlaneWish(("color", "color"))
    with pytest.raises(BadRecipe, match="two tasks that differ"):
        session.planes.start()

    def refuse(names):
        raise NotAllowed(f"{' and '.join(names)}: removed.")

    session.planes.wish = SMALL
    monkeypatch.setattr(session.admission, "refuse", refuse)
    with pytest.raises(NotAllowed, match="color and animal: removed"):
        session.planes.start()
    assert session.engine.jobs.state is None


def test_a_mix_that_cannot_be_merged_stands_nowhere_and_nothing_is_found_twice(
    session, monkeypatch
):
    rest(session)
    measured(session)
    first = session.planes.drawn("page", None)
    assert session.planes.drawn("page", None) is first

    def refuse(bench, plane, merge, progress):
        raise StudioError("no direction of its own")

    monkeypatch.setattr(module, "meeting", refuse)
    move(session, color={"coefficient": 0.25})
    found = session.planes.drawn("page", None)
    assert (found.mix, found.lacks) == (None, "no direction of its own")
    assert found.orthogonal == first.orthogonal
