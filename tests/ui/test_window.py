"""The page in a window of its own."""

import sys
from types import SimpleNamespace

import pytest

from studio.disk.folders import data_folder
from studio.errors import StudioError
from studio.ui import window


def test_without_the_package_it_is_said_what_brings_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StudioError, match="pip install pywebview"):
        window.refuse_windowless()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    window.refuse_windowless()


def test_a_window_shows_the_address_and_keeps_its_cookies(monkeypatch):
    said: list[tuple] = []
    stand_in = SimpleNamespace(
        settings={},
        create_window=lambda title, address, **size: said.append((title, address)),
        start=lambda **how: said.append((how["private_mode"], how["storage_path"])),
    )
    monkeypatch.setitem(sys.modules, "webview", stand_in)
    window.show("http://127.0.0.1:7860/")
    assert said == [
        ("MDM-OC merge studio", "http://127.0.0.1:7860/"),
        (False, str(data_folder() / "window")),
    ]
    assert stand_in.settings == {"ALLOW_DOWNLOADS": True}
