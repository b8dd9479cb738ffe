"""Temporary folders: locked while their process lives, and swept when it does not."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from studio.disk import temporary
from studio.disk.temporary import LOCK, TemporaryFolder, sweep_temporary
from tests.hostile.hooks import forked


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_private_and_goes_with_its_block_or_its_owner(own):
    with TemporaryFolder("model") as made:
        assert made.path.name.startswith("studio-model-")
        assert made.path.stat().st_mode & 0o077 == 0
        (made.path / "file").write_text("x")
    assert list(own.iterdir()) == []
    made = TemporaryFolder("live")
    made.cleanup()
    made.cleanup()
    assert list(own.iterdir()) == []
    made = TemporaryFolder("live")
    del made
    assert list(own.iterdir()) == []


def killed(own: Path, *names: str) -> None:
    def work() -> None:
        kept = [TemporaryFolder(name) for name in names]
        for each in kept:
            (each.path / "model.safetensors").write_bytes(b"weights")
        os.kill(os.getpid(), signal.SIGKILL)

    assert forked(work) == -signal.SIGKILL


def test_what_killed_processes_left_is_swept_and_told_and_the_living_stay(own):
    with TemporaryFolder("live") as alive:
        killed(own, "rebuild", "page", "model")
        assert len(list(own.iterdir())) == 4
        assert sweep_temporary() == [
            "Removed 3 temporary folders (21 bytes) of a studio that was stopped before its end."
        ]
        assert [each.name for each in own.iterdir()] == [alive.path.name]
        assert sweep_temporary() == []


def test_a_folder_killed_before_its_lock_goes_and_what_is_not_ours_stays(own):
    (own / "studio-live-abcdefgh").mkdir()
    (own / "studio-old-abcdefgh").mkdir()
    (own / "studio-old-abcdefgh" / "file").write_text("of another program, or of 0.1.0")
    (own / "studio-link-abcdefgh").symlink_to(own / "studio-old-abcdefgh")
    (own / "studio-thesis").mkdir()
    (own / "studio-thesis" / LOCK).write_text("")
    assert len(sweep_temporary()) == 1
    left = sorted(each.name for each in own.iterdir())
    assert left == ["studio-link-abcdefgh", "studio-old-abcdefgh", "studio-thesis"]


def test_a_folder_of_another_user_stays(own, monkeypatch):
    killed(own, "live")
    monkeypatch.setattr(temporary, "_owner", lambda folder: 0 if folder is None else 1)
    assert sweep_temporary() == []
    assert len(list(own.iterdir())) == 1


def test_a_folder_that_is_swept_before_it_is_locked_is_made_anew(own, monkeypatch):
    really, late = temporary.lock_handle, []

    def swept(handle, wait):
        if wait and not late:
            late.append(sweep_temporary())
        return really(handle, wait)

    monkeypatch.setattr(temporary, "lock_handle", swept)
    with TemporaryFolder("live") as made:
        assert (made.path / LOCK).exists()
        assert len(late[0]) == 1
