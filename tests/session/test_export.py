"""The name that an export is offered, and what is said of it."""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from studio.export.folder import Written
from studio.session import export
from studio.session.export import Exports


def test_the_name_offered_is_free_and_that_of_the_zoo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exports = Exports(SimpleNamespace(zoo=SimpleNamespace(name="My Zoo"), downloads=None))  # type: ignore[arg-type]
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
    assert export._said("Wrote out.", Written("ab", {}, serve="vllm serve base")) == (
        "Wrote out. Serve all of it at once, in that folder: vllm serve base"
    )


def test_what_must_not_be_overlooked_is_the_warning_of_the_job(session, tmp_path):
    mix = session.mixer.current
    still = tuple(replace(strip, coefficient=0.0) for strip in mix.strips)
    session.mixer.show(replace(mix, strips=still))
    session.exports.start_export(str(tmp_path / "out"))
    while (state := session.job()) and state.running:
        time.sleep(0.01)
    assert state
    assert state.warning.startswith("No tensor of the written model differs from the base")
