"""The name that an export is offered, and the zip of the last one."""

import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.export.folder import Written
from studio.session import export
from studio.session.export import Exports, LastZip


@pytest.fixture
def last(tmp_path: Path) -> LastZip:
    (tmp_path / "within").mkdir()
    return LastZip(str(tmp_path / "within"))


def written(folder: Path, text: str) -> str:
    (folder / "heads").mkdir(parents=True)
    (folder / "heads" / "a.txt").write_text(text)
    return str(folder)


def test_a_folder_is_packed_under_its_own_name_and_once(last, tmp_path):
    folder = written(tmp_path / "out", "one")
    packed = last.pack(folder)
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["out/heads/a.txt"]
        assert archive.read("out/heads/a.txt") == b"one"
    stamp = packed.stat().st_mtime_ns
    assert last.pack(folder) == packed
    assert packed.stat().st_mtime_ns == stamp


def test_the_next_zip_takes_the_place_of_the_last(last, tmp_path):
    first = last.pack(written(tmp_path / "one", "1"))
    second = last.pack(written(tmp_path / "two", "2"))
    assert second.name == "two.zip"
    assert not first.exists()


def test_what_is_too_large_is_not_packed(last, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_LARGEST_ZIP", 2)
    assert last.pack(written(tmp_path / "out", "three")) is None
    assert list((tmp_path / "within").iterdir()) == []


def test_the_name_offered_is_free_and_that_of_the_zoo(last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exports = Exports(SimpleNamespace(zoo=SimpleNamespace(name="My Zoo")), last)  # type: ignore[arg-type]
    assert exports.free_export_name() == "exports/my-zoo-1"
    Path("exports/my-zoo-1").mkdir(parents=True)
    assert exports.free_export_name() == "exports/my-zoo-2"
    assert exports.free_export_name("without red") == "exports/my-zoo-without-red-1"


def test_an_export_says_what_was_checked_and_points_to_its_notes():
    made = Written("ab", {}, "", ("One.", "Two."), ("all is the same",))
    assert export._said("Wrote out.", made) == (
        "Wrote out. Checked: all is the same. 2 notes on it: README.md in the folder."
    )
    assert export._said("Wrote out.", Written("ab", {})) == "Wrote out."


def test_what_must_not_be_overlooked_is_the_warning_of_the_job(session, tmp_path):
    mix = session.mixer.current
    still = tuple(replace(strip, coefficient=0.0) for strip in mix.strips)
    session.mixer.show(replace(mix, strips=still))
    session.exports.start_export(str(tmp_path / "out"))
    while (state := session.job()) and state.running:
        time.sleep(0.01)
    assert state
    assert state.warning.startswith("No tensor of the written model differs from the base")
