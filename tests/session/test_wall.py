"""The wall: what was prepared is recalled at once, and reset leaves the stage as it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import BadRecipe
from studio.session.admission import Admission
from studio.session.wall import Wall
from tests.session.test_evidence import certified, ended, opened


@pytest.fixture
def session(tiny_zoo: Path, tmp_path: Path):
    engine = opened(tiny_zoo, tmp_path)
    yield engine.session("")
    engine.close()


@pytest.mark.slow
def test_what_was_prepared_is_there_as_soon_as_the_task_is_out(session):
    wall: Wall = session.wall
    with pytest.raises(BadRecipe, match="reload the page"):
        wall.prepare("cow")
    before = session.mix
    wall.prepare("color")
    assert ended(session).words == "Prepared the wall: the removal of color was checked."
    assert (wall.task, session.mix) == ("color", before)
    assert wall.ready
    assert "UTC, in" in wall.moment
    assert session.evidence.found() == {}
    session.taken_out.take_out("color")
    assert session.evidence.found()["exact"].verdict[0] == "pass"
    assert session.taken_out.teachers("color") is not None
    assert wall.ready
    session.taken_out.take_out("animal")
    assert not wall.ready  # another one is out, too
    session.taken_out.put_back("animal")
    assert wall.ready
    out, *rest = session.mix.strips
    moved = replace(out, coefficient=out.coefficient + 0.1)
    session.show_mix(replace(session.mix, strips=(moved, *rest)))
    assert not wall.ready


@pytest.mark.slow
def test_the_story_and_its_certificate_follow_what_was_taken_out(
    session, tmp_path, rebuilt_here, monkeypatch
):
    wall = session.wall
    assert (wall.story, wall.certificate) == ("", "")
    session.taken_out.take_out("animal")
    assert (wall.story, wall.certificate) == ("animal", "")
    assert wall.may_return("animal")
    certified(session, tmp_path / "out")
    assert wall.certificate == session.evidence.certified.number
    assert wall.may_return("animal")  # a demonstration's key only warns
    locked = property(lambda admission: {"animal": None})
    monkeypatch.setattr(Admission, "locked", locked)
    assert [wall.may_return(name) for name in ("animal", "color")] == [False, True]
    monkeypatch.undo()
    session.taken_out.take_out("color")
    assert wall.story == "color"  # the first that is out; the certificate is not of it
    assert wall.certificate == ""


def test_nothing_is_ready_before_it_was_prepared(session):
    assert not session.wall.ready
    session.taken_out.take_out("color")
    assert not session.wall.ready


def test_reset_puts_every_task_back_and_forgets_the_demonstration(session):
    session.taken_out.take_out("animal")
    session.evidence.verified = ("out", None)
    session.wall.reset()
    assert session.mix.ticked == ("color", "animal")
    assert session.evidence.verified is None
