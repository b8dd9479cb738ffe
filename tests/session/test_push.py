"""Pushes of a browser: refused at once, or a job that says what came of it."""

import time
from pathlib import Path

import pytest

from studio.errors import NotAllowed, StudioError
from studio.hub.errand import Hub
from studio.hub.push import Pushed
from studio.progress import Progress
from studio.session.push import PUSH
from studio.session.session import Session
from tests.hub.stand_in import TOKEN


class Told(Hub):
    """Pushes nothing, and says that it did."""

    def push(
        self, folder: Path, name: str, licence: str = "", public: bool = False,
        progress: Progress = lambda *_: None,
    ) -> Pushed:  # fmt: skip
        progress(0.5, "sent: model.safetensors")
        if name == "desk/none":
            raise StudioError(f"The Hub did not take {name}.")
        return Pushed(f"https://hub.example/{name}", "c" * 40, 7, licence, (str(folder),))


@pytest.fixture
def pushing(session, monkeypatch) -> Session:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(session.engine, "hub", Told())
    return session


def ended(session: Session):
    while (state := session.job()) and state.running:
        time.sleep(0.01)
    assert state
    return state


def test_a_push_is_a_job_that_ends_with_its_address(pushing, tmp_path):
    pushing.pushes.start(str(tmp_path), " desk/mix ", " mit ")
    state = ended(pushing)
    assert (state.name, state.phase) == (f"{PUSH} desk/mix", "done")
    assert state.result == "https://hub.example/desk/mix"
    assert state.words.startswith(
        "Pushed 7 bytes to https://hub.example/desk/mix. Its licence: mit"
    )
    pushing.pushes.start(str(tmp_path), "desk/none")
    state = ended(pushing)
    assert (state.phase, state.words) == ("failed", "The Hub did not take desk/none.")


def test_a_push_that_cannot_be_is_no_job(pushing, tmp_path, monkeypatch):
    assert pushing.pushes.offered
    with pytest.raises(NotAllowed, match="outside"):
        pushing.pushes.start("/etc", "desk/mix")
    with pytest.raises(StudioError, match="is no name to push to"):
        pushing.pushes.start(str(tmp_path), "mix")
    monkeypatch.setattr(pushing.engine, "hub", Hub(forbidden=True))
    with pytest.raises(NotAllowed, match="The studio is offline"):
        pushing.pushes.start(str(tmp_path), "desk/mix")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    assert not pushing.pushes.offered


def test_a_studio_that_nobody_told_otherwise_asks_nobody(session):
    assert session.engine.hub.forbidden
