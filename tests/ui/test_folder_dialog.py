"""The computer's own dialog: asked in a process of its own, once at a time."""

import subprocess
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.ui import folder_dialog


def answers(monkeypatch, code: int, said: str) -> None:
    def run(command, **options):
        assert options["timeout"]
        return subprocess.CompletedProcess(command, code, said, "")

    monkeypatch.setattr(folder_dialog.subprocess, "run", run)


def test_the_chosen_folder_is_returned_and_a_closed_dialog_chooses_none(monkeypatch):
    answers(monkeypatch, 0, "/home/mine/runs\n")
    assert folder_dialog.choose_folder() == Path("/home/mine/runs")
    answers(monkeypatch, 0, "\n")
    assert folder_dialog.choose_folder() is None


def test_a_computer_without_a_screen_is_said(monkeypatch):
    answers(monkeypatch, 1, "")
    with pytest.raises(StudioError, match="restart with --root"):
        folder_dialog.choose_folder()
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(folder_dialog.sys, "platform", "linux")
    assert not folder_dialog.has_dialog()


def test_a_second_dialog_is_refused_while_one_is_open_and_nobody_waits_for_ever(monkeypatch):
    def run(command, **options):
        with pytest.raises(StudioError, match="open already"):
            folder_dialog.choose_folder()
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(folder_dialog.subprocess, "run", run)
    assert folder_dialog.choose_folder() is None
    answers(monkeypatch, 0, "/a")
    assert folder_dialog.choose_folder() == Path("/a")
