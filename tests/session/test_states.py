"""A browser's state of sums: begun, changed, merged and checked as jobs; refused in words."""

import pytest

from studio.errors import BadRecipe, BadState, NotAllowed, OutputExists
from studio.evidence.ledger.events import STATE
from studio.sequence.sums import open_sums
from tests.session.test_evidence import ended


@pytest.fixture
def states(session, tmp_path, monkeypatch):
    """The part, and a path for a state within the roots."""
    return session, session.states, str(tmp_path / "s.safetensors")


def done(session) -> str:
    state = ended(session)
    assert state.phase == "done", state.words
    return state.words


def test_tasks_come_and_leave_and_the_model_is_written(states, tmp_path):
    session, found, path = states
    assert found.shown is None
    found.start_init(path, "regmean")
    assert done(session) == "Began s.safetensors: RegMean, no task so far."
    empty = (tmp_path / "s.safetensors").read_bytes()
    with pytest.raises(BadRecipe, match="none may be below 0; 'color' has -2"):
        found.start_come(path, "color", False, -2.0)
    found.start_come(path, "color", False, 0.5)
    assert done(session) == "'color' came with weight 0.5."
    found.start_come(path, "animal", True)
    assert "its receipt is s.safetensors.animal.receipt" in done(session)
    shown = session.states.shown
    assert shown is not None
    assert [task.name for task in shown.state.tasks] == ["animal", "color"]
    assert shown.size == (tmp_path / "s.safetensors").stat().st_size
    found.start_check(path)
    assert done(session).startswith("Exact: Built again from its 2 tasks")
    found.start_merge(path, str(tmp_path / "out"))
    assert "Wrote out: 2 merged, root" in done(session)
    assert (tmp_path / "out" / "model.safetensors").exists()
    found.start_leave(path, "animal")
    assert "'animal' left by its receipt: the bits of a state that never had it" in done(session)
    found.start_leave(path, "color")
    assert "'color' left by its own checkpoint" in done(session)
    assert (tmp_path / "s.safetensors").read_bytes() == empty
    found.start_open(path)
    assert done(session) == "s.safetensors is whole."
    ledger = session.engine.ledger
    changes = [each.content["change"] for each in ledger.entries() if each.event == STATE]
    assert changes == ["came", "came", "left", "left"]


def test_what_cannot_be_is_refused_before_a_job_starts(states, tmp_path):
    session, found, path = states
    for start, error, words in [
        (lambda: found.start_init("/etc/s", "average"), NotAllowed, "outside the folders"),
        (lambda: found.start_init(path, "ties"), BadRecipe, "reload the page"),
        (lambda: found.start_init(str(tmp_path), "average"), OutputExists, "exists already"),
        (lambda: found.start_open("/etc/passwd"), NotAllowed, "outside the folders"),
    ]:
        with pytest.raises(error, match=words):
            start()
    found.start_init(path, "average")
    done(session)
    with pytest.raises(BadRecipe, match="reload the page"):
        found.start_come(path, "../color", False)
    with pytest.raises(BadState, match="is not in .* which holds no task"):
        found.start_leave(path, "color")
    assert open_sums(tmp_path / "s.safetensors").tasks == ()


def test_a_task_that_left_cannot_leave_twice_and_none_comes_twice(states):
    session, found, path = states
    found.start_init(path, "average")
    done(session)
    found.start_come(path, "color", True)
    done(session)
    found.start_come(path, "color", False)
    state = ended(session)
    assert state.phase == "failed"
    assert "'color' is in" in state.words
    found.start_leave(path, "color")
    done(session)
    with pytest.raises(BadState, match="is not in"):
        found.start_leave(path, "color")
