"""The job's strip without a browser."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from studio.session.jobs import JobState
from studio.ui.job_strip import JobStrip
from studio.ui.view import View
from tests.ui.snapshots import snapshot

RUNNING = JobState(
    "Export", "running", 0.5, "merging", 3.0, owner="me", tab="Files", control="export"
)


def pieces(strip: JobStrip, job: JobState | None, browser: str = "me") -> dict[str, Any]:
    session: Any = SimpleNamespace(browser=browser)
    view = View(session, snapshot(job=job), "", {})
    return {piece.name: piece for piece in strip.pieces(view)}


def strip() -> JobStrip:
    made = JobStrip(SimpleNamespace())  # type: ignore[arg-type]
    made.build()
    return made


def test_a_running_job_is_drawn_at_every_look_and_one_that_ended_only_once():
    made, later, done = strip(), replace(RUNNING, seconds=4.0), replace(RUNNING, phase="done")
    keys = [pieces(made, job)["job's line"].key for job in (RUNNING, later)]
    assert keys[0] != keys[1]
    keys = [pieces(made, replace(done, seconds=s))["job's line"].key for s in (3.0, 4.0)]
    assert keys[0] == keys[1]


def test_only_the_browser_that_started_a_job_can_cancel_it():
    made = strip()
    for job, browser, cancel, dismiss in (
        (RUNNING, "me", True, False), (RUNNING, "you", False, False),
        (replace(RUNNING, phase="done"), "me", False, True), (None, "me", False, False),
    ):  # fmt: skip
        drawn = pieces(made, job, browser)["job"].draw()
        assert drawn[made.cancel].visible is cancel
        assert drawn[made.dismiss].visible is dismiss


def test_what_came_of_a_job_can_be_shown_where_it_was_started():
    made, done = strip(), replace(RUNNING, phase="done")
    for job, browser, shown in (
        (RUNNING, "me", False), (done, "me", True), (done, "you", False),
        (replace(done, tab=""), "me", False),
    ):  # fmt: skip
        assert pieces(made, job, browser)["job"].draw()[made.show].visible is shown
    before, placed = (pieces(made, replace(RUNNING, tab=tab))["job"].key for tab in ("", "Files"))
    assert before != placed
